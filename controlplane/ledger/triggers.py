"""When to count by itself: only when something has changed, and no more often than it is worth."""

from datetime import datetime, timedelta
from typing import Any

from controlplane.health.models import Observation, PartState
from controlplane.ledger.models import Statement
from controlplane.orchestration.selectors import last_dag_run
from controlplane.scenarios import selectors as scenarios
from spark_jobs.pipeline import GOLD

EVERY = timedelta(seconds=60)
# Counting costs Spark's time, more as the lake grows: it may take this share of it at most.
SHARE = 10
# For as long a pipeline run is waited for before it is counted nevertheless.
PATIENCE = timedelta(minutes=5)


def fingerprint() -> dict[str, Any]:
    """What the system was last seen to look like. Equal ones mean that a count would say the same again."""
    seen = dict(Observation.objects.filter(part__in=["lake", "kafka"]).values_list("part", "detail"))
    tables = seen.get("lake", {}).get("tables", {})
    return {
        "tables": {name: said["snapshot_id"] for name, said in sorted(tables.items())},
        "published": _published(tables),
        # Offsets: how many of them are records is what a count finds out.
        "topic": sum(one["end"] + one.get("held", 0) for one in seen.get("kafka", {}).get("partitions", [])),
        "runs": scenarios.runs_fingerprint(),
    }


def _published(tables: dict[str, Any]) -> str | None:
    """The snapshot of silver that every gold table was built from; None while a pipeline run is half way."""
    silver = tables.get("silver.events", {}).get("snapshot_id")
    inputs = {tables.get(name, {}).get("input_snapshot") for name in GOLD}
    return silver if silver and inputs == {silver} else None


def due(now: datetime, last: Statement | None, seen: dict[str, Any], *, busy: bool = False) -> bool:
    """Whether to count now.

    Args:
        last: the newest statement that was tried.
        seen: the fingerprint of now.
        busy: the pipeline runs, needs Spark itself, and will have changed it all when it ends.
    """
    if last is None or last.started_at is None:
        return not busy and (any(seen["tables"].values()) or bool(seen["topic"]))
    if busy and now - last.started_at < PATIENCE:
        return False
    if last.state == Statement.State.SUCCEEDED and last.fingerprint == seen:
        return False
    if last.state == Statement.State.SUCCEEDED and seen["published"] not in (None, last.fingerprint.get("published")):
        return True  # a pipeline run has ended since: people look now
    ended = last.ended_at or last.started_at
    return now - ended >= max(EVERY, SHARE * (ended - last.started_at))


def pipeline_is_busy() -> bool:
    """Whether the medallion pipeline was last seen to run."""
    run = last_dag_run("medallion")
    return run is not None and not run.finished


def spark_is_down() -> bool:
    """Whether Spark was last seen not to answer, so that a count would only fail."""
    return Observation.objects.filter(part="spark", state=PartState.DOWN).exists()
