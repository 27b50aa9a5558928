"""Shared reads of runs. They read rows only and never call Airflow."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Case, Count, Q, QuerySet, When
from django.utils import timezone

from controlplane.errors import InvalidInputError
from controlplane.leases import WorkState
from controlplane.orchestration.models import MEDALLION, AirflowSyncStatus, DagRun, SparkJob
from controlplane.orchestration.ports import MOST_TASKS
from controlplane.web import moments
from controlplane.web.filters import ALL, ListFilter
from controlplane.web.paging import decode_cursor, encode_cursor
from controlplane.web.values import compact

DAG, SPARK = "dag", "spark"
ORDER = ("-requested_at", "-id")
ANSWER_COUNTS = timedelta(seconds=60)
LONGEST_ID = 250
LONGEST_MESSAGE = 2_000


@dataclass(frozen=True)
class Listed:
    """One row of the list of runs: a DAG run or a Spark job."""

    kind: str
    run: DagRun | SparkJob

    @property
    def name(self) -> str:
        """The id of the DAG, or the name of the job."""
        return self.run.dag_id if isinstance(self.run, DagRun) else self.run.job

    @property
    def title(self) -> tuple[str, str]:
        """The type of the run in words, and its id."""
        return ("Airflow DAG run", self.run.run_id) if isinstance(self.run, DagRun) else ("Spark job", str(self.run.pk))

    @property
    def message(self) -> str:
        """The error or the report of the run; empty without one."""
        if isinstance(self.run, DagRun):
            return self.run.message
        return self.run.error or report_of(self.run).message


@dataclass(frozen=True)
class Report:
    """The report of a Spark job: rows written (None: unknown), snapshots by table, and a message."""

    rows: Any
    snapshots: dict[str, str]
    message: str


def report_of(job: SparkJob) -> Report:
    """The report in a job's row. Fields that are missing or of another type are unknown."""
    said = job.report if isinstance(job.report, dict) else {}
    snapshots = said.get("snapshots")
    found = snapshots if isinstance(snapshots, dict) else {}
    return Report(
        rows=said.get("rows"),
        snapshots={table: compact(snapshot, LONGEST_ID) for table, snapshot in list(found.items())[:MOST_TASKS]},
        message=compact(said.get("message") or "", LONGEST_MESSAGE),
    )


@dataclass(frozen=True)
class RunPage:
    """One page of DAG runs and Spark jobs, with the interface of controlplane.web.paging's Page."""

    items: list[Listed]
    next: str | None
    cursor: str | None


def dag_runs(wanted: ListFilter, *, state: str = "") -> QuerySet[DagRun]:
    """DAG runs matching the filter, unordered."""
    rows = DagRun.objects.filter(state=state) if state else DagRun.objects.all()
    return wanted.apply(rows, at="requested_at", text=("dag_id", "run_id", "requested_by", "message"))


def spark_jobs(wanted: ListFilter, *, state: str = "") -> QuerySet[SparkJob]:
    """Spark jobs matching the filter, unordered."""
    rows = SparkJob.objects.filter(state=state) if state else SparkJob.objects.all()
    return wanted.apply(rows, at="requested_at", text=("job", "id", "requested_by", "error", "report__message"))


def runs_page(
    *, kind: str = "", state: str = "", wanted: ListFilter = ALL, cursor: str | None = None, size: int = 50
) -> RunPage:
    """DAG runs and Spark jobs in one list, newest request first unless `wanted` reverses it.

    Args:
        kind: `dag`, `spark` or both.
        state: one of WorkState, or all.

    Raises:
        InvalidInputError: the cursor does not belong to this list.
    """
    runs, jobs = dag_runs(wanted, state=state), spark_jobs(wanted, state=state)
    if cursor:
        runs, jobs = _after(cursor, runs, jobs, oldest_first=wanted.oldest_first)
    order = wanted.ordered(ORDER)
    found: list[Listed] = []
    # For equal times DAG runs come first; within a type the database has ordered the rows and the sort is stable.
    if kind != SPARK:
        found += [Listed(DAG, run) for run in runs.order_by(*order)[: size + 1]]
    if kind != DAG:
        found += [Listed(SPARK, job) for job in jobs.order_by(*order)[: size + 1]]
    turn = 1 if wanted.oldest_first else -1
    found.sort(key=lambda listed: (turn * listed.run.requested_at.timestamp(), listed.kind))
    further = _cursor(found[size - 1]) if len(found) > size else None
    return RunPage(found[:size], further, cursor or None)


def _after(
    cursor: str, dag_runs: QuerySet[DagRun], jobs: QuerySet[SparkJob], *, oldest_first: bool
) -> tuple[QuerySet[DagRun], QuerySet[SparkJob]]:
    beyond = "gt" if oldest_first else "lt"
    try:
        at, kind, key = decode_cursor(cursor, 3)
        moment = datetime.fromisoformat(at)
        later = Q(**{f"requested_at__{beyond}": moment})
        rest = later | Q(**{"requested_at": moment, f"pk__{beyond}": key})
        if kind == DAG:
            return dag_runs.filter(rest), jobs.filter(**{f"requested_at__{beyond}e": moment})
        return dag_runs.filter(later), jobs.filter(rest)
    except (ValueError, TypeError) as error:
        raise InvalidInputError("cursor: does not belong to this list.", "Start again from the first page.") from error


def _cursor(last: Listed) -> str:
    key = last.run.pk if isinstance(last.run, DagRun) else str(last.run.pk)
    values: list[int | float | str] = [last.run.requested_at.isoformat(), last.kind, key]
    return encode_cursor(values)


def dag_run_get(run_id: str, dag_id: str = "") -> DagRun | None:
    """The run with that id. If several DAGs have one: that of `dag_id`, else of the medallion, else the newest."""
    found = DagRun.objects.filter(run_id=run_id)
    if dag_id:
        return found.filter(dag_id=dag_id).first()
    medallion_first = Case(When(dag_id=MEDALLION, then=0), default=1)
    return found.order_by(medallion_first, "-requested_at").first()


def paused_dags() -> frozenset[str]:
    """The DAGs that were paused in Airflow at its last response."""
    status = AirflowSyncStatus.objects.filter(pk=1).only("paused").first()
    found = status.paused if status is not None else []
    return frozenset(str(dag_id) for dag_id in found) if isinstance(found, list) else frozenset()


@dataclass(frozen=True)
class PausedDag:
    """A DAG that is paused in Airflow, and the number of its waiting runs."""

    dag_id: str
    waiting: int


def paused_with_runs() -> list[PausedDag]:
    """The paused DAGs that have runs here, by name."""
    rows = DagRun.objects.filter(dag_id__in=paused_dags()).order_by("dag_id").values("dag_id")
    counted = rows.annotate(waiting=Count("pk", filter=Q(state=WorkState.WAITING)))
    return [PausedDag(row["dag_id"], row["waiting"]) for row in counted]


def airflow_problem() -> AirflowSyncStatus | None:
    """The status row if the data from Airflow may be stale, or None if it is current."""
    status = AirflowSyncStatus.objects.filter(pk=1).first()
    if status is None or status.problem:
        return status
    stale = status.looked_at is None or timezone.now() - status.looked_at > ANSWER_COUNTS
    return status if stale else None


def airflow_address(run: DagRun) -> str:
    """The run's page in Airflow's UI, or the DAG's list of runs if the UI can't address the id."""
    dag = f"{settings.AIRFLOW_PUBLIC_URL.rstrip('/')}/dags/{quote(run.dag_id, safe='')}/runs"
    plain = run.run_id not in (".", "..") and "/" not in run.run_id
    return f"{dag}/{quote(run.run_id, safe='')}" if plain else dag


def airflow_names(run: DagRun) -> bool:
    """Whether Airflow's API can address the run: an id with a slash splits the path."""
    return "/" not in run.run_id and "\\" not in run.run_id and run.run_id != ".." and run.run_id.isprintable()


@dataclass(frozen=True)
class Task:
    """One task of a run, from its row. Unreadable fields are empty."""

    task_id: str
    state: str
    try_number: int
    operator: str
    started_at: datetime | None
    ended_at: datetime | None


def tasks_of(run: DagRun) -> list[Task]:
    """The tasks in dependency order."""
    rows = run.tasks if isinstance(run.tasks, list) else []
    return [
        Task(
            task_id=compact(row.get("task_id") or "", LONGEST_ID),
            state=compact(row.get("state") or "", LONGEST_ID),
            try_number=tries if isinstance(tries := row.get("try_number"), int) and 0 <= tries < 2**31 else 0,
            operator=compact(row.get("operator") or "", LONGEST_ID),
            started_at=moments.read(row.get("started_at")),
            ended_at=moments.read(row.get("ended_at")),
        )
        for row in rows[:MOST_TASKS]
        if isinstance(row, dict)
    ]


@dataclass(frozen=True)
class Bar:
    """One task of a run, with its position on the run's timeline in percent."""

    task_id: str
    state: str
    try_number: int
    operator: str
    started_at: datetime | None
    seconds: float | None
    left: float
    width: float


def gantt(run: DagRun) -> list[Bar]:
    """The tasks in dependency order, with their bars."""
    now = timezone.now()
    tasks = tasks_of(run)
    begin = min((task.started_at for task in tasks if task.started_at), default=now)
    end = max((task.ended_at or now for task in tasks if task.started_at), default=now)
    whole = max((end - begin).total_seconds(), 0.001)
    bars = []
    for task in tasks:
        start = task.started_at
        took = ((task.ended_at or now) - start).total_seconds() if start else None
        bars.append(
            Bar(
                task_id=task.task_id,
                state=task.state or WorkState.WAITING,
                try_number=task.try_number,
                operator=task.operator,
                started_at=start,
                seconds=took,
                left=round((start - begin).total_seconds() / whole * 100, 2) if start else 0.0,
                width=round(max((took or 0.0) / whole * 100, 0.5), 2) if start else 0.0,
            )
        )
    return bars


def last_dag_run(dag_id: str) -> DagRun | None:
    """The most recently requested run of a DAG."""
    return DagRun.objects.filter(dag_id=dag_id).order_by("-requested_at", "-id").first()
