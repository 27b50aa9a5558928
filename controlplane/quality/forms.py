"""The filters of the list of validations, as they stand in the address."""

from django import forms
from django.http import QueryDict

from controlplane.quality.selectors import PERIODS, STATES, ValidationFilter, suites, tables
from controlplane.web.filters import ListForm

PERIOD_NAMES = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}


class FilterForm(ListForm):
    """Every field may be empty. What is no choice is an error that the page shows; it then lists everything."""

    text_label = "Run, job or snapshot"
    table = forms.ChoiceField(required=False)
    suite = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "any"), *((state, state) for state in STATES)])
    period = forms.ChoiceField(
        required=False, label="Time", choices=[("", "any time"), *((key, PERIOD_NAMES[key]) for key in PERIODS)]
    )

    def __init__(self, data: QueryDict) -> None:
        if "q" in data and "text" not in data:  # as the text was called before
            data = data.copy()
            data.setlist("text", data.getlist("q"))
        super().__init__(data)
        for name, found in (("table", tables()), ("suite", suites())):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "all"), *((value, value) for value in found)]

    def chosen(self) -> ValidationFilter:
        """What is to be listed; fields in error let everything through."""
        own = {name: self.value(name) for name in ("table", "suite", "state", "period")}
        return ValidationFilter(**own, narrowing=self.narrowing)
