"""Forms of scenarios and runs."""

from typing import Any
from uuid import uuid4

from django import forms

from controlplane.leases import WorkState
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.selectors import scenario_choices, scenario_name
from controlplane.web.filters import MOST_CHOICES, ListForm, with_chosen


class RunFilterForm(ListForm):
    """The filters of the list of runs."""

    text_label = "Run, scenario, user or message"
    scenario = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "all"), *WorkState.choices])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scenario"]
        assert isinstance(field, forms.ChoiceField)
        chosen = str(self.data.get("scenario") or "")
        field.choices = [("", "all"), *with_chosen(scenario_choices(MOST_CHOICES), chosen, scenario_name)]


class RunForm(forms.Form):
    """Starting a run."""

    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED, required=False)
    version = forms.IntegerField(min_value=1, required=False)
    request_id = forms.UUIDField(required=False)

    def clean(self) -> dict[str, Any]:
        """A form without a request ID gets a new one."""
        cleaned = super().clean() or {}
        cleaned["request_id"] = cleaned.get("request_id") or uuid4()
        return cleaned


class SpeedForm(forms.Form):
    """The speed of a run: exactly one of the fields."""

    speed = forms.FloatField(required=False)
    events_per_second = forms.FloatField(required=False)
