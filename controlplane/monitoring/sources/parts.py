"""The health of every service as on the Overview page, and the heartbeats of the workers."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.health import selectors
from controlplane.health.models import PartState
from controlplane.monitoring.sources.families import gauges
from controlplane.web.moments import read

MOST_COMPONENTS = 50
WORKERS = ("worker", "generator", "beat")


def figures() -> Iterator[Metric]:
    """The state of every service."""
    known = selectors.parts()
    states = {(part.name, state): float(part.state == state) for part in known for state in PartState.values}
    yield gauges("lakehouse_part_state", "State of a service: 1 for the current state.", ("part", "state"), states)
    yield gauges("lakehouse_part_up", "Whether the service is up or degraded.", ("part",),
                 {(part.name,): float(part.state in (PartState.UP, PartState.DEGRADED)) for part in known})  # fmt: skip
    seen = {(part.name,): part.observed_at.timestamp() for part in known if part.observed_at}
    yield gauges("lakehouse_part_observed_timestamp_seconds", "Time of the last check of the service.", ("part",), seen)
    # The components of a service that has some (Airflow), from its probe. While the service does not respond, they are
    # unknown.
    components = {
        (part.name, name): told
        for part in known
        if part.state in (PartState.UP, PartState.DEGRADED) and isinstance(part.detail.get("parts"), dict)
        for name, told in list(part.detail["parts"].items())[:MOST_COMPONENTS]
        if isinstance(told, dict)
    }
    labels = ("part", "component")
    yield gauges("lakehouse_component_up", "Whether a component of the service (Airflow's scheduler) is up.", labels,
                 {key: float(told.get("state") == "up") for key, told in components.items()})  # fmt: skip
    beats = {key: read(told.get("heartbeat_at")) for key, told in components.items()}
    yield gauges("lakehouse_component_heartbeat_timestamp_seconds", "Last heartbeat of the component.", labels,
                 {key: at.timestamp() if at else None for key, at in beats.items()})  # fmt: skip
    workers = {(part.name,): float(part.state == PartState.UP) for part in known if part.name in WORKERS}
    yield gauges("lakehouse_celery_worker_up", "Whether this worker or beat sent a recent heartbeat.",
                 ("worker",), workers)  # fmt: skip
