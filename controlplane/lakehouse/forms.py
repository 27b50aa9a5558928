"""The filters of the lake's lists."""

from django import forms

from controlplane.web.filters import NEWEST, OLDEST, ListForm


class TableFilterForm(ListForm):
    """Which tables to list; the times are those of their last snapshots."""

    text_label = "Table, producer or run"
    sort = forms.ChoiceField(
        required=False,
        label="Order",
        choices=[("", "Pipeline order"), (NEWEST, "Newest commit first"), (OLDEST, "Oldest commit first")],
    )


class SnapshotFilterForm(ListForm):
    """Which snapshots of a table to list."""

    text_label = "Snapshot, operation, job, run or source"
