"""Validations by table and verdict, and what the newest of each suite said."""

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.metrics_core import Metric

from controlplane.lakehouse.selectors import FLOW
from controlplane.monitoring.sources.families import counters, gauges
from controlplane.quality.models import Validation


def figures() -> Iterator[Metric]:
    counted = Validation.objects.order_by().values("table", "success").annotate(count=Count("pk"))
    ended = {
        (row["table"].removeprefix("lake."), "passed" if row["success"] else "failed"): float(row["count"])
        for row in counted
        if row["table"].removeprefix("lake.") in FLOW
    }
    for table in {table for table, _ in ended}:
        for verdict in ("passed", "failed"):
            ended.setdefault((table, verdict), 0.0)
    yield counters("lakehouse_validations", "Validations, by the table judged and the verdict.", ("table", "verdict"),
                   ended)  # fmt: skip
    newest = Validation.objects.defer("expectations").order_by("table", "suite", "-finished_at", "-id")
    last = [row for row in newest.distinct("table", "suite") if row.table_name in FLOW]
    label = ("table",)
    # One suite a table; were there more, the worse verdict counts.
    success: dict[tuple[str, ...], float] = {}
    for row in last:
        success[(row.table_name,)] = min(success.get((row.table_name,), 1.0), float(row.success))
    yield gauges("lakehouse_validation_last_success", "Whether the table's newest validation passed.", label, success)
    yield gauges("lakehouse_validation_last_timestamp_seconds", "When it ended.", label,
                 {(row.table_name,): row.finished_at.timestamp() for row in last})  # fmt: skip
    yield gauges("lakehouse_validation_last_duration_seconds", "How long it took.", label,
                 {(row.table_name,): row.duration for row in last})  # fmt: skip
    yield gauges("lakehouse_validation_last_expectations_failed", "Expectations that did not hold, warnings included.",
                 label, {(row.table_name,): row.expectations_failed for row in last})  # fmt: skip
