"""The filters of the list of validations."""

from django import forms
from django.http import QueryDict

from controlplane.quality.selectors import PERIODS, STATES, ValidationFilter, known_suite, known_table, suites, tables
from controlplane.web.filters import MOST_CHOICES, ListForm, with_chosen

PERIOD_NAMES = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}


class FilterForm(ListForm):
    """All fields are optional. An invalid choice is shown as an error and does not filter."""

    text_label = "Run, job or snapshot"
    table = forms.ChoiceField(required=False)
    suite = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "All"), *((state, state.capitalize()) for state in STATES)])
    period = forms.ChoiceField(
        required=False, label="Period", choices=[("", "All time"), *((key, PERIOD_NAMES[key]) for key in PERIODS)]
    )

    def __init__(self, data: QueryDict) -> None:
        if "q" in data and "text" not in data:  # the former name of `text`
            data = data.copy()
            data.setlist("text", data.getlist("q"))
        super().__init__(data)
        for name, found, known in (("table", tables, known_table), ("suite", suites, known_suite)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            listed = [(value, value) for value in found(MOST_CHOICES)]
            field.choices = [("", "All"), *with_chosen(listed, data.get(name, ""), known)]

    def chosen(self) -> ValidationFilter:
        """The filter; invalid fields do not filter."""
        own = {name: self.value(name) for name in ("table", "suite", "state", "period")}
        return ValidationFilter(**own, list_filter=self.list_filter)
