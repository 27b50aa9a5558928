"""The filters of the list of validations, as they stand in the address."""

from typing import Any

from django import forms

from controlplane.quality.selectors import PERIODS, ValidationFilter, suites, tables

PERIOD_NAMES = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}


class FilterForm(forms.Form):
    """Every field may be empty. What is no choice is an error that the page shows; it then lists everything."""

    table = forms.ChoiceField(required=False)
    suite = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "any"), ("succeeded", "succeeded"), ("failed", "failed")])
    period = forms.ChoiceField(
        required=False, label="Time", choices=[("", "any time"), *((key, PERIOD_NAMES[key]) for key in PERIODS)]
    )
    q = forms.CharField(
        required=False, max_length=100, label="Run, job or snapshot", widget=forms.TextInput(attrs={"type": "search"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, found in (("table", tables()), ("suite", suites())):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "all"), *((value, value) for value in found)]
        for field in self.fields.values():
            select = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if select else "form-control"

    def chosen(self) -> ValidationFilter:
        """What is to be listed; fields in error let everything through."""
        self.is_valid()
        return ValidationFilter(**{name: value for name, value in self.cleaned_data.items() if value})
