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

    text_label = "Query ID, run ID or batch number"
    # Keeps the time range of the charts on the same page.
    range = forms.CharField(required=False, widget=forms.HiddenInput)


class StartForm(forms.Form):
    """Start the stream, with `reset_checkpoint` from a new checkpoint."""

    request_id = forms.UUIDField()
    reset_checkpoint = forms.BooleanField(required=False)


class StopForm(forms.Form):
    """Stop the stream."""

    request_id = forms.UUIDField()


class ConfigurationForm(ModelForm):
    """A new version of the configuration."""

    class Meta:
        model = StreamConfiguration
        fields = ["trigger_seconds", "max_offsets_per_trigger"]
        labels = {
            "trigger_seconds": "Trigger interval (s)",
            "max_offsets_per_trigger": "Max offsets per trigger",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"
            field.help_text = ""
