"""Forms of the runs."""

from typing import Any

from django import forms

from controlplane.orchestration.models import RunState
from controlplane.orchestration.selectors import DAG, SPARK


class FilterForm(forms.Form):
    """Which runs to list."""

    kind = forms.ChoiceField(
        required=False, choices=[("", "Airflow and Spark"), (DAG, "Airflow runs"), (SPARK, "Spark jobs")]
    )
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *RunState.choices])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-select"


class SubmitForm(forms.Form):
    """A Spark job to submit."""

    job = forms.CharField()
    request_id = forms.UUIDField()


class TriggerForm(forms.Form):
    """A run to trigger."""

    request_id = forms.UUIDField()
