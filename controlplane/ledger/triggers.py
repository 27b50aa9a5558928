"""When to recompute automatically: only after a change, and not too often."""

from datetime import datetime, timedelta
from typing import Any

from controlplane.health.models import Observation, PartState
from controlplane.leases import WorkState
from controlplane.ledger.models import Statement
from controlplane.orchestration.selectors import last_dag_run
from controlplane.scenarios import selectors as scenarios
from spark_jobs.pipeline import GOLD

EVERY = timedelta(seconds=60)
# Counting costs Spark time that grows with the lake. It may use at most one part in SHARE.
SHARE = 10
# How long to wait for a pipeline run before counting anyway.
PATIENCE = timedelta(minutes=5)


def fingerprint() -> dict[str, Any]:
    """A fingerprint of the observed system. While it is unchanged, a count would give the same result."""
    seen = dict(Observation.objects.filter(part__in=["lake", "kafka"]).values_list("part", "detail"))
    tables = seen.get("lake", {}).get("tables", {})
    return {
        "tables": {name: said["snapshot_id"] for name, said in sorted(tables.items())},
        "published": _published(tables),
        # Offsets: only the count finds out how many of them are records.
        "topic": sum(one["end"] + one.get("held", 0) for one in seen.get("kafka", {}).get("partitions", [])),
        "runs": scenarios.runs_fingerprint(),
    }


def _published(tables: dict[str, Any]) -> str | None:
    """The silver snapshot that all gold tables were built from; None while a pipeline run is in progress."""
    silver = tables.get("silver.events", {}).get("snapshot_id")
    inputs = {tables.get(name, {}).get("input_snapshot") for name in GOLD}
    return silver if silver and inputs == {silver} else None


def due(now: datetime, last: Statement | None, seen: dict[str, Any], *, busy: bool = False) -> bool:
    """Whether a computation is due.

    Args:
        last: the latest attempted statement.
        seen: the current fingerprint.
        busy: a pipeline run is active: it uses Spark, and will change the data.
    """
    if last is None or last.started_at is None:
        return not busy and (any(seen["tables"].values()) or bool(seen["topic"]))
    if busy and now - last.started_at < PATIENCE:
        return False
    if last.state == WorkState.SUCCEEDED and last.fingerprint == seen:
        return False
    if last.state == WorkState.SUCCEEDED and seen["published"] not in (None, last.fingerprint.get("published")):
        return True  # a pipeline run has ended since: users expect a current ledger
    ended = last.finished_at or last.started_at
    return now - ended >= max(EVERY, SHARE * (ended - last.started_at))


def pipeline_is_busy() -> bool:
    """Whether the last known medallion run is active."""
    run = last_dag_run("medallion")
    return run is not None and not run.finished


def spark_is_down() -> bool:
    """Whether Spark was last observed as down, so that a count would fail."""
    return Observation.objects.filter(part="spark", state=PartState.DOWN).exists()
