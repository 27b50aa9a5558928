"""The health check of Airflow."""

from django.utils import timezone

from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.orchestration.providers import workflow_engine

# Both write a heartbeat about every 5 s; Airflow itself considers them dead after 30 s.
STALE_SECONDS = 30


def airflow() -> Reading:
    """Check the api-server by its response, the scheduler and the DAG processor by the age of their heartbeats.

    Airflow's own health states are not used: the heartbeats' ages are compared with our clock.
    """
    health = workflow_engine().health()
    now = timezone.now()
    parts: dict[str, dict[str, object]] = {"api-server": {"state": "up", "heartbeat_at": now.isoformat()}}
    silent = []
    for heartbeat in health.heartbeats:
        alive = heartbeat.at is not None and (now - heartbeat.at).total_seconds() < STALE_SECONDS
        parts[heartbeat.part] = {
            "state": "up" if alive else "down",
            "heartbeat_at": heartbeat.at.isoformat() if heartbeat.at else None,
        }
        if not alive:
            since = f"for {(now - heartbeat.at).total_seconds():,.0f} s" if heartbeat.at else "yet"
            silent.append(f"the {heartbeat.part} has sent no heartbeat {since}")
    if not health.database_healthy:
        silent.append("its database is unhealthy")
    if silent:
        said = "; ".join(silent)
        return Reading(PartState.DEGRADED, f"The API responds, but {said}.", {"parts": parts})
    return Reading(PartState.UP, "Healthy. API server, scheduler and DAG processor are up.", {"parts": parts})
