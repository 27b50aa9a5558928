"""Validations by table and verdict, and the newest validation of each suite."""

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.metrics_core import Metric

from controlplane.monitoring.sources.families import counters, gauges
from controlplane.quality.models import Validation
from spark_jobs.pipeline import TABLES


def figures() -> Iterator[Metric]:
    """Validations by table and result, and the last one of each suite."""
    counted = Validation.objects.order_by().values("table", "success").annotate(count=Count("pk"))
    ended: dict[tuple[str, str], float] = {}
    for found in counted:
        # A validation without a result has not passed.
        place = (found["table"].removeprefix("lake."), "passed" if found["success"] else "failed")
        if place[0] in TABLES:
            ended[place] = ended.get(place, 0.0) + found["count"]
    for table in {table for table, _ in ended}:
        for verdict in ("passed", "failed"):
            ended.setdefault((table, verdict), 0.0)
    yield counters("lakehouse_validations", "Validations by table and verdict.", ("table", "verdict"),
                   ended)  # fmt: skip
    newest = Validation.objects.defer("expectations").order_by("table", "suite", "-finished_at", "-id")
    last = [row for row in newest.distinct("table", "suite") if row.table_name in TABLES]
    label = ("table",)
    # There is one suite per table. With more, the worst verdict would count, and the other values would be combined.
    of: dict[tuple[str, ...], list[Validation]] = {}
    for row in last:
        of.setdefault((row.table_name,), []).append(row)
    yield gauges("lakehouse_validation_last_success", "Whether the table's newest validation passed.", label,
                 {table: float(all(row.success for row in rows)) for table, rows in of.items()})  # fmt: skip
    yield gauges("lakehouse_validation_last_timestamp_seconds", "End time of the table's newest validation.", label,
                 {table: max(row.finished_at.timestamp() for row in rows) for table, rows in of.items()})  # fmt: skip
    yield gauges("lakehouse_validation_last_duration_seconds", "Duration of the table's newest validation.", label,
                 {table: sum(row.duration for row in rows) for table, rows in of.items()})  # fmt: skip
    failed = {table: sum(row.expectations_failed for row in rows) for table, rows in of.items()}
    yield gauges("lakehouse_validation_last_expectations_failed",
                 "Failed expectations of the newest validation, including warnings.", label, failed)  # fmt: skip
