"""Forms of the runs."""

from django import forms

from controlplane.orchestration.models import RunState
from controlplane.orchestration.selectors import DAG, SPARK
from controlplane.web.filters import ListForm


class FilterForm(ListForm):
    """Which runs to list."""

    text_label = "Name, run, person or message"
    kind = forms.ChoiceField(
        required=False, choices=[("", "Airflow and Spark"), (DAG, "Airflow runs"), (SPARK, "Spark jobs")]
    )
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *RunState.choices])


class SubmitForm(forms.Form):
    """A Spark job to submit."""

    job = forms.CharField()
    request_id = forms.UUIDField()


class TriggerForm(forms.Form):
    """A run to trigger."""

    request_id = forms.UUIDField()
