"""The health of every part, as the Overview shows it, and the workers that were seen."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.monitoring.sources.families import gauges
from controlplane.overview import selectors
from controlplane.overview.models import PartState

WORKERS = ("worker", "generator", "beat")


def figures() -> Iterator[Metric]:
    known = selectors.parts()
    states = {(part.name, state): float(part.state == state) for part in known for state in PartState.values}
    yield gauges("lakehouse_part_state", "A part's state: 1 for the one that it is.", ("part", "state"), states)
    yield gauges("lakehouse_part_up", "Whether the part answers, well or with a limp.", ("part",),
                 {(part.name,): float(part.state in (PartState.UP, PartState.DEGRADED)) for part in known})  # fmt: skip
    seen = {(part.name,): part.observed_at.timestamp() for part in known if part.observed_at}
    yield gauges("lakehouse_part_observed_timestamp_seconds", "When the part was last looked at.", ("part",), seen)
    workers = {(part.name,): float(part.state == PartState.UP) for part in known if part.name in WORKERS}
    yield gauges("lakehouse_celery_worker_up", "Whether this worker, or the clock, gave a sign of life of late.",
                 ("worker",), workers)  # fmt: skip
