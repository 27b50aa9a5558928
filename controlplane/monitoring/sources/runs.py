"""Airflow DAG runs and Spark jobs: finished ones by state, active ones, and durations."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, Sum
from prometheus_client.metrics_core import Metric

from controlplane.leases import UNFINISHED, WorkState
from controlplane.monitoring.sources.families import counters, gauge, gauges
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.selectors import Task, tasks_of
from controlplane.orchestration.services import MEDALLION
from spark_jobs.pipeline import JOBS

OTHER = "other"
# Each value of a label is a time series of its own.
MOST_LABELS = 100
ENDED = (WorkState.SUCCEEDED, WorkState.FAILED)


def figures() -> Iterator[Metric]:
    """Ended and current DAG runs and Spark jobs, and the medallion's last run."""
    yield from _kind("dag_run", "dag", "DAG runs", DagRun, "dag_id", (MEDALLION,))
    yield from _kind("spark_job", "job", "Spark jobs", SparkJob, "job", JOBS)
    yield from _last_run()


def _kind(
    name: str, label: str, what: str, model: type[DagRun] | type[SparkJob], field: str, known: tuple[str, ...]
) -> Iterator[Metric]:
    ended: dict[tuple[str, ...], float | None] = {(one, state): 0.0 for one in known for state in ENDED}
    seconds: dict[tuple[str, ...], float | None] = dict.fromkeys(ended, 0.0)
    under_way: dict[tuple[str, ...], float | None] = {(one, state): 0.0 for one in known for state in UNFINISHED}
    rows: Any = model.objects.order_by().values(field, "state")
    for row in rows.annotate(count=Count("pk"), spent=Sum(F("finished_at") - F("started_at"))):
        # Other DAGs are counted together.
        key = (row[field] if row[field] in known else OTHER, row["state"])
        if row["state"] in UNFINISHED:
            under_way[key] = (under_way.get(key) or 0.0) + row["count"]
            continue
        ended[key] = (ended.get(key) or 0.0) + row["count"]
        spent = row["spent"].total_seconds() if row["spent"] else 0.0
        seconds[key] = (seconds.get(key) or 0.0) + spent
    yield counters(f"lakehouse_{name}s_ended", f"Finished {what} by state.", (label, "state"), ended)
    yield counters(f"lakehouse_{name}s_duration_seconds", f"Total duration of finished {what} in seconds.",
                   (label, "state"), seconds)  # fmt: skip
    yield gauges(f"lakehouse_{name}s_under_way", f"Waiting and running {what}.", (label, "state"), under_way)


def _last_run() -> Iterator[Metric]:
    last = DagRun.objects.filter(dag_id=MEDALLION, state__in=ENDED).order_by("-requested_at", "-id").first()
    yield gauge("lakehouse_dag_run_last_success", "Whether the last finished run of the medallion pipeline succeeded.",
                last.state == WorkState.SUCCEEDED if last else None)  # fmt: skip
    yield gauge(
        "lakehouse_dag_run_last_duration_seconds",
        "Duration of the last finished run of the medallion pipeline.",
        last.seconds if last else None,
    )
    tasks = {(task.task_id,): _seconds(task) for task in (tasks_of(last)[:MOST_LABELS] if last else [])}
    yield gauges(
        "lakehouse_dag_task_last_duration_seconds",
        "Duration of each task of the last finished run of the medallion pipeline.",
        ("task",),
        tasks,
    )


def _seconds(task: Task) -> float | None:
    return (task.ended_at - task.started_at).total_seconds() if task.started_at and task.ended_at else None
