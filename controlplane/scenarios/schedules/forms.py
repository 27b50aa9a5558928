"""The form of a schedule."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.urls import reverse_lazy

from controlplane.errors import InvalidInputError
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import Scenario, ScenarioVersion
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.services import Wanted
from controlplane.scenarios.schedules.times import LONGEST_CRON

_CRON_HELP = (
    "Minute, hour, day of month, month, day of week, in UTC. "
    "Restrict the day of month or the day of week, not both: cron implementations disagree on the combination."
)


class ScheduleForm(forms.Form):
    """When and how a scenario runs on a schedule."""

    version = forms.TypedChoiceField(label="Version", coerce=int)
    kind = forms.ChoiceField(
        label="Frequency", choices=[("cron", "Recurring"), ("once", "Once")], widget=forms.RadioSelect
    )
    cron = forms.CharField(label="Cron expression", max_length=LONGEST_CRON, required=False, help_text=_CRON_HELP)
    at = forms.DateTimeField(
        label="Time",
        required=False,
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": 1}),
        error_messages={"invalid": "Invalid time. Use the format 2026-12-01T06:00."},
    )
    seeds = forms.ChoiceField(
        label="Seed",
        choices=[("new", "New for each run: different user behavior"), ("fixed", "Fixed: identical user behavior")],
        widget=forms.RadioSelect,
    )
    seed = forms.IntegerField(label="Seed value", min_value=0, max_value=LARGEST_SEED, required=False)
    request_id = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, scenario: Scenario, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        numbers = scenario.versions.values_list("number", flat=True)
        version = self.fields["version"]
        assert isinstance(version, forms.ChoiceField)
        version.choices = [(number, f"{scenario.name}, version {number}") for number in numbers]
        self.fields["cron"].widget.attrs |= {
            "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "placeholder": "0 6 * * mon-fri",
            "class": "form-control font-monospace", "hx-get": reverse_lazy("scenarios:schedule-times"),
            "hx-trigger": "input delay:300ms", "hx-target": "#next-times",
            "aria-describedby": "id_cron_helptext next-times",
        }  # fmt: skip
        if not self.is_bound:
            self.fields["cron"].widget.attrs["hx-trigger"] += ", load"

    @staticmethod
    def values_of(schedule: RunSchedule) -> dict[str, Any]:
        """The initial values for an existing schedule."""
        return {
            "version": schedule.version.number,
            "kind": "cron" if schedule.once_at is None else "once",
            "cron": schedule.cron,
            "at": schedule.once_at,
            "seeds": "new" if schedule.seed is None else "fixed",
            "seed": schedule.version.content.seed if schedule.seed is None else schedule.seed,
        }

    @staticmethod
    def values_for(version: ScenarioVersion) -> dict[str, Any]:
        """The initial values for a new schedule."""
        return {
            "version": version.number,
            "kind": "cron",
            "seeds": "new",
            "seed": version.content.seed,
            "request_id": uuid4(),
        }

    def clean(self) -> dict[str, Any]:
        """Ignore the fields of the choice that is not selected, and require those of the selected one."""
        cleaned = super().clean() or {}
        chosen = {"cron": ("cron", "at"), "once": ("at", "cron")}.get(cleaned.get("kind", ""))
        if chosen is not None:
            needed, other = chosen
            self.errors.pop(other, None)
            cleaned[other] = None
            if not cleaned.get(needed) and needed not in self.errors:
                self.add_error(needed, "Enter when to run: a cron expression or a time.")
        if cleaned.get("seeds") == "new":
            self.errors.pop("seed", None)
            cleaned["seed"] = None
        elif cleaned.get("seeds") and cleaned.get("seed") is None and "seed" not in self.errors:
            self.add_error("seed", f"Enter a whole number from 0 to {LARGEST_SEED}.")
        return cleaned

    @property
    def wanted(self) -> Wanted:
        """The schedule that the form describes."""
        said = self.cleaned_data
        return Wanted(cron=said["cron"] or "", at=said["at"], seed=said["seed"], version=said["version"])

    @property
    def asked(self) -> UUID:
        """The request ID. A form without one gets a new one."""
        return self.cleaned_data.get("request_id") or uuid4()

    def refuse(self, error: InvalidInputError) -> None:
        """Show an error of the service at its field."""
        name, _, said = error.message.partition(": ")
        known = name in self.fields and bool(said)
        said = said if known else error.message
        self.add_error(name if known else None, f"{said[:1].upper()}{said[1:]} {error.remedy}")
