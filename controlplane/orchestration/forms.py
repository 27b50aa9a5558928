"""Forms of the runs."""

from django import forms

from controlplane.leases import WorkState
from controlplane.orchestration.selectors import DAG, SPARK
from controlplane.web.filters import ListForm


class FilterForm(ListForm):
    """Which runs to list."""

    text_label = "Name, run, user or message"
    kind = forms.ChoiceField(
        required=False, choices=[("", "All types"), (DAG, "Airflow DAG runs"), (SPARK, "Spark jobs")]
    )
    state = forms.ChoiceField(
        required=False,
        choices=[("", "All states"), *((one, one.label) for one in WorkState if one != WorkState.STOPPED)],
    )


class SubmitForm(forms.Form):
    """A Spark job to submit."""

    job = forms.CharField()
    request_id = forms.UUIDField()


class TriggerForm(forms.Form):
    """A run to trigger."""

    request_id = forms.UUIDField()
