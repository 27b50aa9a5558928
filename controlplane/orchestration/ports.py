"""Ports of the orchestration room: the workflow engine, and the runner of Spark jobs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

# The limit of tasks per run that are read and shown.
MOST_TASKS = 500


class WorkflowError(Exception):
    """The workflow engine rejected the request. The text is its error."""


class WorkflowUnreachableError(WorkflowError):
    """The workflow engine does not respond in time."""


class WorkflowMissingError(WorkflowError):
    """The DAG, run, task or log does not exist (yet, or any more)."""


class WorkflowAddressError(WorkflowError):
    """The workflow engine's API can't address the object: an id with a slash splits its path."""


class RunConflictError(WorkflowError):
    """A run with this id exists with another configuration."""


class JobFailedError(Exception):
    """The job failed. The text is the reason."""


class GateRefusedError(JobFailedError):
    """The quality gate rejected the job's output. The published data is unchanged."""


class JobUnreachableError(JobFailedError):
    """Spark does not respond; the same job may succeed later."""


class JobUnknownError(JobFailedError):
    """The job does not exist."""


@dataclass(frozen=True)
class TaskRun:
    """One task of a run. `state` is the engine's own word, empty while the task is not scheduled."""

    task_id: str
    state: str
    try_number: int
    operator: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class WorkflowRun:
    """One run of a DAG. `state` is queued, running, success or failed; `asked_by` is the engine's user, if any."""

    dag_id: str
    run_id: str
    state: str
    conf: dict[str, Any] = field(default_factory=dict)
    asked_by: str = ""
    kind: str = "manual"
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class RunPage:
    """A page of the engine's list of runs. `next` is the cursor of the next page, empty at the end; `at` is the time of
    the response by the engine's clock."""

    runs: tuple[WorkflowRun, ...]
    next: str
    at: datetime


@dataclass(frozen=True)
class LogLine:
    """One line of a task's log."""

    text: str
    at: datetime | None = None
    level: str = ""


@dataclass(frozen=True)
class TaskLog:
    """The last lines of a task's log. `omitted` is the number of lines before them; long lines are truncated."""

    lines: tuple[LogLine, ...]
    omitted: int


@dataclass(frozen=True)
class Heartbeat:
    """The last heartbeat of one process of the engine. None: never."""

    part: str
    at: datetime | None


@dataclass(frozen=True)
class WorkflowHealth:
    """The database's state as reported by the engine, and the heartbeats of its processes."""

    database_healthy: bool
    heartbeats: tuple[Heartbeat, ...]


class WorkflowEngine(Protocol):
    """Runs DAGs. Every call ends within a few seconds.

    Raises:
        WorkflowUnreachableError: from every method, if the engine does not respond in time.
        WorkflowError: from every method, if the engine rejects the request.
    """

    def health(self) -> WorkflowHealth:
        """The health of the engine's processes."""

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> WorkflowRun:
        """Trigger the run unless it exists, and unpause its DAG. Idempotent.

        Raises:
            WorkflowMissingError: the DAG does not exist.
            RunConflictError: the id is used by a run with another configuration.
        """

    def run(self, dag_id: str, run_id: str) -> WorkflowRun:
        """One run.

        Raises:
            WorkflowMissingError: the run does not exist.
            WorkflowAddressError: the API can't address the id.
        """

    def runs(self, *, since: datetime | None = None, cursor: str = "") -> RunPage:
        """A page of the runs of all DAGs, in the order in which the engine created them.

        Following `next` to the end returns every run that existed at the start, however many are created or deleted
        meanwhile. An unreadable run is returned with its readable fields.

        Args:
            since: only runs that were created or changed at or after this time, by the engine's clock.
            cursor: `next` of the previous page, with the same `since`.
        """

    def paused(self) -> frozenset[str]:
        """The ids of the paused DAGs. Their runs wait until the DAG is unpaused."""

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """The tasks of a run in dependency order, at most the first MOST_TASKS.

        Raises:
            WorkflowMissingError: the run does not exist.
        """

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[LogLine]:
        """The lines that a task has written so far.

        Raises:
            WorkflowMissingError: the task does not exist or has no log.
            WorkflowAddressError: the API can't address the id.
        """


@dataclass(frozen=True)
class JobResult:
    """The result of a job: rows written, snapshots by table, and a message of one sentence."""

    rows: int
    snapshots: dict[str, str]
    message: str


class JobRunner(Protocol):
    """Runs one Spark job and waits for it."""

    def jobs(self) -> tuple[str, ...]:
        """The names of all jobs."""

    def run(self, job: str, *, run_id: UUID) -> JobResult:
        """Run the job to its end. May be called twice for the same run: jobs are idempotent.

        Raises:
            GateRefusedError: the quality gate rejected the output.
            JobUnreachableError: Spark does not respond.
            JobUnknownError: the job does not exist.
            JobFailedError: the job failed for any other reason.
        """
