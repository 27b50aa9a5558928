"""What orchestration needs of the outside: the workflow engine that orders the steps, and what runs one Spark job."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

# Tasks of one run that are read and shown.
MOST_TASKS = 500


class WorkflowError(Exception):
    """The workflow engine answered, and it said no. The text is what it said."""


class WorkflowUnreachableError(WorkflowError):
    """The workflow engine doesn't answer, or not in time."""


class WorkflowMissingError(WorkflowError):
    """The workflow engine knows no such DAG, run, task or log (yet, or any more)."""


class WorkflowAddressError(WorkflowError):
    """The workflow engine's API has no address for what is asked for: an id with a slash divides its path."""


class RunConflictError(WorkflowError):
    """A run of that id is there already, and it is another one: its configuration differs."""


class JobFailedError(Exception):
    """The job ended without its result. The text is why."""


class GateRefusedError(JobFailedError):
    """The job did its work and the gate refused it: what is published stays as it was."""


class JobUnreachableError(JobFailedError):
    """What the job runs on doesn't answer; the same job may work later."""


class JobUnknownError(JobFailedError):
    """There is no job of that name."""


@dataclass(frozen=True)
class TaskRun:
    """One task of a run. `state` is the engine's own word, empty while the task is not planned yet."""

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
    """A part of the engine's list of runs. `next` is the cursor of the part after it, empty at the end; `at` is when
    the engine answered, by its own clock."""

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
class Heartbeat:
    """One process of the engine, and when it last said that it lives. None: never."""

    part: str
    at: datetime | None


@dataclass(frozen=True)
class WorkflowHealth:
    """The database's state by the engine's word, and the heartbeats of its processes."""

    database_healthy: bool
    heartbeats: tuple[Heartbeat, ...]


class WorkflowEngine(Protocol):
    """Runs DAGs. Every call ends within a few seconds.

    Raises:
        WorkflowUnreachableError: from every method, when the engine doesn't answer in time.
        WorkflowError: from every method, when it refuses.
    """

    def health(self) -> WorkflowHealth:
        """How the engine's processes are."""

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> WorkflowRun:
        """Start the run unless it is there, and unpause its DAG. Doing it again gives the same run.

        Raises:
            WorkflowMissingError: there is no such DAG.
            RunConflictError: the id is taken by a run with another configuration.
        """

    def run(self, dag_id: str, run_id: str) -> WorkflowRun:
        """One run.

        Raises:
            WorkflowMissingError: there is none.
            WorkflowAddressError: it has no address.
        """

    def runs(self, *, since: datetime | None = None, cursor: str = "") -> RunPage:
        """A part of the runs of all DAGs, in the order in which the engine created them.

        Following `next` to its end gives every run that was there at the beginning, however many are created or
        deleted meanwhile. A run that can't be read is there with what can be read of it.

        Args:
            since: only the runs that were created or changed then or later, by the engine's clock.
            cursor: `next` of the part before, of the same `since`.
        """

    def paused(self) -> frozenset[str]:
        """The ids of the DAGs that are paused: their runs wait until somebody unpauses them."""

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """The tasks of a run, each after those that it waits for; of more than MOST_TASKS the first ones.

        Raises:
            WorkflowMissingError: there is no such run.
        """

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[LogLine]:
        """What a task has written so far.

        Raises:
            WorkflowMissingError: there is no such task or it has no log.
            WorkflowAddressError: it has no address.
        """


@dataclass(frozen=True)
class JobResult:
    """What a job did. `rows` it wrote, `snapshots` by table, `message` in a sentence."""

    rows: int
    snapshots: dict[str, str]
    message: str


class JobRunner(Protocol):
    """Runs one Spark job and waits for it."""

    def jobs(self) -> tuple[str, ...]:
        """The names of the jobs there are."""

    def run(self, job: str, *, run_id: UUID) -> JobResult:
        """Run the job to its end. May be called twice for the same run: jobs may be run twice.

        Raises:
            GateRefusedError: a gate refused what was built.
            JobUnreachableError: there is nothing to run it on now.
            JobUnknownError: there is no such job.
            JobFailedError: anything else that keeps it from its result.
        """
