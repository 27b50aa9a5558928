"""The generator: records over all runs, and the current rate."""

from collections.abc import Iterator

from django.db.models import Count, Sum
from prometheus_client.metrics_core import Metric

from controlplane.leases import WorkState
from controlplane.monitoring.sources.families import counters, gauge, gauges
from controlplane.scenarios.models import ScenarioRun


def figures() -> Iterator[Metric]:
    """Records and runs of the generator, and its current and target rate."""
    rows = ScenarioRun.objects.order_by()
    sums = rows.aggregate(*(Sum(name) for name in ("generated", "acknowledged", "failed")))
    for name, text in (
        ("generated", "Generated records."),
        ("acknowledged", "Records acknowledged by Kafka."),
        ("failed", "Records not acknowledged by Kafka."),
    ):
        yield counters(f"lakehouse_generator_records_{name}", text, (), {(): float(sums[f"{name}__sum"] or 0)})
    states = dict.fromkeys(WorkState.values, 0)
    states |= dict(rows.values_list("state").annotate(Count("pk")))
    yield gauges("lakehouse_generator_runs", "Scenario runs by state.", ("state",),
                 {(state,): float(count) for state, count in states.items()})  # fmt: skip
    now = rows.filter(state=WorkState.RUNNING).aggregate(Sum("rate"), Sum("target_rate"))
    yield gauge(
        "lakehouse_generator_records_per_second",
        "Current acknowledged records per second, over all runs.",
        now["rate__sum"] or 0.0,
    )
    yield gauge("lakehouse_generator_target_records_per_second", "Target records per second of the running scenarios.",
                now["target_rate__sum"] or 0.0)  # fmt: skip
