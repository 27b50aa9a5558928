"""Shared reads of runs. Rows only: nothing here waits for Airflow."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.accounts.errors import InvalidInputError
from controlplane.orchestration.models import DagRun, Mirror, RunState, SparkJob

DAG, SPARK = "dag", "spark"
ANSWER_COUNTS = timedelta(seconds=60)


@dataclass(frozen=True)
class Listed:
    """One line of the list of runs, of either kind."""

    kind: str
    run: DagRun | SparkJob

    @property
    def name(self) -> str:
        return self.run.dag_id if isinstance(self.run, DagRun) else self.run.job

    @property
    def title(self) -> tuple[str, str]:
        """What kind of run it is, in words, and its id."""
        return ("Airflow run", self.run.run_id) if isinstance(self.run, DagRun) else ("Spark job", str(self.run.pk))

    @property
    def message(self) -> str:
        return (
            self.run.message if isinstance(self.run, DagRun) else self.run.error or self.run.report.get("message", "")
        )


@dataclass(frozen=True)
class RunPage:
    """One page of runs of both kinds, newest first; as controlplane.web.paging's, for its pager."""

    items: list[Listed]
    next: str | None
    cursor: str | None


def runs_page(*, kind: str = "", state: str = "", cursor: str | None = None, size: int = 50) -> RunPage:
    """Airflow's runs and Spark jobs in one list, newest request first.

    Args:
        kind: `dag`, `spark` or both.
        state: one of RunState, or all.

    Raises:
        InvalidInputError: the cursor is none of this list's.
    """
    dag_runs: QuerySet[DagRun] = DagRun.objects.all()
    jobs: QuerySet[SparkJob] = SparkJob.objects.all()
    if state:
        dag_runs, jobs = dag_runs.filter(state=state), jobs.filter(state=state)
    if cursor:
        dag_runs, jobs = _after(cursor, dag_runs, jobs)
    found: list[Listed] = []
    if kind != SPARK:
        found += [Listed(DAG, run) for run in dag_runs.order_by("-requested_at", "-id")[: size + 1]]
    if kind != DAG:
        found += [Listed(SPARK, job) for job in jobs.order_by("-requested_at", "-id")[: size + 1]]
    # At the same moment Airflow's come first; within a kind the database has ordered them and the sort is stable.
    found.sort(key=lambda listed: (-listed.run.requested_at.timestamp(), listed.kind))
    further = _cursor(found[size - 1]) if len(found) > size else None
    return RunPage(found[:size], further, cursor or None)


def _after(
    cursor: str, dag_runs: QuerySet[DagRun], jobs: QuerySet[SparkJob]
) -> tuple[QuerySet[DagRun], QuerySet[SparkJob]]:
    try:
        at, kind, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        rest = Q(requested_at__lt=moment) | Q(requested_at=moment, pk__lt=key)
        if kind == DAG:
            return dag_runs.filter(rest), jobs.filter(requested_at__lte=moment)
        return dag_runs.filter(requested_at__lt=moment), jobs.filter(rest)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            "cursor: is not one that this list gave.", "Start again from the first page."
        ) from error


def _cursor(last: Listed) -> str:
    values = [last.run.requested_at.isoformat(), last.kind, last.run.pk if last.kind == DAG else str(last.run.pk)]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def runs_like(text: str, count: int) -> list[Listed]:
    """The newest `count` runs of both kinds whose DAG, job or id has `text` in it."""
    dag_runs = DagRun.objects.filter(Q(dag_id__icontains=text) | Q(run_id__icontains=text)).defer("tasks")
    jobs = SparkJob.objects.filter(Q(job__icontains=text) | Q(pk__istartswith=text))
    found = [Listed(DAG, run) for run in dag_runs.order_by("-requested_at", "-id")[:count]]
    found += [Listed(SPARK, job) for job in jobs.order_by("-requested_at", "-id")[:count]]
    return sorted(found, key=lambda listed: listed.run.requested_at, reverse=True)[:count]


def dag_run_get(run_id: str, dag_id: str = "") -> DagRun | None:
    """The run of that id; where several DAGs have one, the newest of them or that of `dag_id`."""
    found = DagRun.objects.filter(run_id=run_id)
    return (found.filter(dag_id=dag_id) if dag_id else found).order_by("-requested_at").first()


def airflow_problem() -> Mirror | None:
    """The row that says why what is shown of Airflow may be old, or None when it was seen just now."""
    mirror = Mirror.objects.filter(pk=1).first()
    if mirror is None or mirror.problem:
        return mirror
    stale = mirror.looked_at is None or timezone.now() - mirror.looked_at > ANSWER_COUNTS
    return mirror if stale else None


def airflow_address(run: DagRun) -> str:
    """The run's page in Airflow's own interface."""
    return f"{settings.AIRFLOW_PUBLIC_URL.rstrip('/')}/dags/{quote(run.dag_id)}/runs/{quote(run.run_id, safe='')}"


@dataclass(frozen=True)
class Bar:
    """One task of a run, and where it lies on the run's time, in percent."""

    task_id: str
    state: str
    try_number: int
    operator: str
    started_at: datetime | None
    seconds: float | None
    left: float
    width: float


def gantt(run: DagRun) -> list[Bar]:
    """The tasks in the order in which they wait for each other, with their bars."""
    now = timezone.now()
    spans = [(_moment(task["started_at"]), _moment(task["ended_at"])) for task in run.tasks]
    begin = min((start for start, _ in spans if start), default=now)
    end = max((stop or now for start, stop in spans if start), default=now)
    whole = max((end - begin).total_seconds(), 0.001)
    bars = []
    for task, (start, stop) in zip(run.tasks, spans, strict=True):
        took = ((stop or now) - start).total_seconds() if start else None
        bars.append(
            Bar(
                task_id=task["task_id"],
                state=task["state"] or RunState.WAITING,
                try_number=task["try_number"],
                operator=task["operator"],
                started_at=start,
                seconds=took,
                left=round((start - begin).total_seconds() / whole * 100, 2) if start else 0.0,
                width=round(max((took or 0.0) / whole * 100, 0.5), 2) if start else 0.0,
            )
        )
    return bars


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def last_dag_run(dag_id: str) -> DagRun | None:
    """The run of a DAG that was asked for last."""
    return DagRun.objects.filter(dag_id=dag_id).order_by("-requested_at", "-id").first()
