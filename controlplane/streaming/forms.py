"""Forms of the stream."""

from typing import TYPE_CHECKING, Any

from django import forms

from controlplane.streaming.models import StreamConfiguration
from controlplane.web.filters import ListForm

# Django's ModelForm takes a parameter for the type checker only.
if TYPE_CHECKING:
    ModelForm = forms.ModelForm[StreamConfiguration]
else:
    ModelForm = forms.ModelForm


class BatchFilterForm(ListForm):
    """Which batches to list."""

    text_label = "Query, run or number of the batch"
    # The charts of the same page, whose range stays as it is.
    range = forms.CharField(required=False, widget=forms.HiddenInput)


class StartForm(forms.Form):
    """A start, with or without the old checkpoint."""

    request_id = forms.UUIDField()
    anew = forms.BooleanField(required=False)


class StopForm(forms.Form):
    """A stop."""

    request_id = forms.UUIDField()


class ConfigurationForm(ModelForm):
    """A new version of the configuration."""

    class Meta:
        model = StreamConfiguration
        fields = ["trigger_seconds", "max_offsets_per_trigger"]
        labels = {"trigger_seconds": "Seconds between two batches", "max_offsets_per_trigger": "Most records a batch"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"
            field.help_text = ""
