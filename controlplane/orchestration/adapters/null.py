"""A workflow engine and a job runner in memory, for tests and for pages without a stack."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from controlplane.orchestration.ports import (
    Heartbeat,
    JobResult,
    JobUnknownError,
    LogLine,
    RunConflictError,
    RunPage,
    TaskRun,
    WorkflowAddressError,
    WorkflowHealth,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)


class NullWorkflowEngine:
    """Runs wait until `finish` is called. `reachable` and `dags` set up a test."""

    def __init__(self, dags: tuple[str, ...] = ("medallion",)) -> None:
        self.reachable = True
        self.dags = dags
        self.paused_dags: set[str] = set()
        self.page_size = 100
        self.written: list[LogLine] = []
        self._runs: dict[tuple[str, str], WorkflowRun] = {}
        self._changed: dict[tuple[str, str], datetime] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._counted = 0

    def finish(self, run_id: str, state: str = "success") -> None:
        """The run ends."""
        for run in list(self._runs.values()):
            if run.run_id == run_id:
                self.add(replace(run, state=state, started_at=run.queued_at, ended_at=datetime.now(UTC)))

    def forget(self, run_id: str) -> None:
        """Delete the run, as when the engine's database was recreated."""
        self._runs = {key: run for key, run in self._runs.items() if run.run_id != run_id}

    def add(self, run: WorkflowRun, *, changed_at: datetime | None = None) -> None:
        """Add or change a run in the engine itself."""
        key = (run.dag_id, run.run_id)
        if key not in self._runs:
            self._counted += 1
            self._numbers[key] = self._counted
        self._runs[key] = run
        self._changed[key] = changed_at or datetime.now(UTC)

    def health(self) -> WorkflowHealth:
        self._reach()
        now = datetime.now(UTC)
        return WorkflowHealth(True, (Heartbeat("scheduler", now), Heartbeat("dag-processor", now)))

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> WorkflowRun:
        self._reach()
        if dag_id not in self.dags:
            raise WorkflowMissingError(f"DAG {dag_id} does not exist.")
        there = self._runs.get((dag_id, run_id))
        if there is not None and there.conf != conf:
            raise RunConflictError(f"Run {run_id} already exists with another configuration.")
        if there is None:
            there = WorkflowRun(dag_id, run_id, "queued", conf, "null", queued_at=datetime.now(UTC))
            self.add(there)
        self.paused_dags.discard(dag_id)
        return there

    def run(self, dag_id: str, run_id: str) -> WorkflowRun:
        self._reach()
        if _has_no_address(dag_id) or _has_no_address(run_id):
            raise WorkflowAddressError(f"The null engine can't address the run {run_id!r} of {dag_id!r}.")
        if (dag_id, run_id) not in self._runs:
            raise WorkflowMissingError(f"Run {run_id} of {dag_id} does not exist.")
        return self._runs[dag_id, run_id]

    def runs(self, *, since: datetime | None = None, cursor: str = "") -> RunPage:
        self._reach()
        after = int(cursor or 0)
        keys = sorted(self._runs, key=lambda key: self._numbers[key])
        found = [key for key in keys if self._numbers[key] > after and (since is None or self._changed[key] >= since)]
        shown = found[: self.page_size]
        more = str(self._numbers[shown[-1]]) if len(found) > len(shown) else ""
        return RunPage(tuple(self._runs[key] for key in shown), more, datetime.now(UTC))

    def paused(self) -> frozenset[str]:
        self._reach()
        return frozenset(self.paused_dags)

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        self._reach()
        if (dag_id, run_id) not in self._runs:
            if _has_no_address(dag_id) or _has_no_address(run_id):
                return []
            raise WorkflowMissingError(f"Run {run_id} of {dag_id} does not exist.")
        run = self._runs[dag_id, run_id]
        state = "" if run.state == "queued" else run.state
        return [TaskRun("first", state, 1, "Null", run.started_at, run.ended_at)]

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[LogLine]:
        self.run(dag_id, run_id)
        if task_id != "first":
            raise WorkflowMissingError(f"Task {task_id} does not exist.")
        return self.written or [LogLine("did nothing", datetime.now(UTC), "info")]

    def _reach(self) -> None:
        if not self.reachable:
            raise WorkflowUnreachableError("The null engine is set to be unreachable.")


def _has_no_address(name: str) -> bool:
    return "/" in name or not name.isprintable()


class NullJobRunner:
    """Calls `work` in place of the job."""

    def __init__(self, jobs: tuple[str, ...] = ("silver.events", "silver.events.gate")) -> None:
        self._jobs = jobs
        self.ran: list[tuple[str, UUID]] = []
        self.work: Callable[[str], JobResult] = lambda job: JobResult(0, {}, f"{job} did nothing.")

    def jobs(self) -> tuple[str, ...]:
        return self._jobs

    def run(self, job: str, *, run_id: UUID) -> JobResult:
        if job not in self._jobs:
            raise JobUnknownError(f"Job {job} does not exist.")
        self.ran.append((job, run_id))
        return self.work(job)
