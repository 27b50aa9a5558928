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
    TaskRun,
    WorkflowHealth,
    WorkflowMissingError,
    WorkflowRun,
    WorkflowUnreachableError,
)


class NullWorkflowEngine:
    """Runs wait until `finish` is called. `reachable` and `dags` set the scene."""

    def __init__(self, dags: tuple[str, ...] = ("medallion",)) -> None:
        self.reachable = True
        self.dags = dags
        self._runs: dict[tuple[str, str], WorkflowRun] = {}

    def finish(self, run_id: str, state: str = "success") -> None:
        """The run ends."""
        for key, run in self._runs.items():
            if run.run_id == run_id:
                self._runs[key] = replace(run, state=state, started_at=run.queued_at, ended_at=datetime.now(UTC))

    def forget(self, run_id: str) -> None:
        """The engine lost the run, as one does whose database was made anew."""
        self._runs = {key: run for key, run in self._runs.items() if run.run_id != run_id}

    def add(self, run: WorkflowRun) -> None:
        """A run that somebody started in the engine itself."""
        self._runs[run.dag_id, run.run_id] = run

    def health(self) -> WorkflowHealth:
        self._reach()
        now = datetime.now(UTC)
        return WorkflowHealth(True, (Heartbeat("scheduler", now), Heartbeat("dag-processor", now)))

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> WorkflowRun:
        self._reach()
        if dag_id not in self.dags:
            raise WorkflowMissingError(f"There is no DAG {dag_id}.")
        there = self._runs.get((dag_id, run_id))
        if there is not None and there.conf != conf:
            raise RunConflictError(f"The run {run_id} is there with another configuration.")
        if there is None:
            there = WorkflowRun(dag_id, run_id, "queued", conf, "null", queued_at=datetime.now(UTC))
            self._runs[dag_id, run_id] = there
        return there

    def run(self, dag_id: str, run_id: str) -> WorkflowRun:
        self._reach()
        if (dag_id, run_id) not in self._runs:
            raise WorkflowMissingError(f"There is no run {run_id} of {dag_id}.")
        return self._runs[dag_id, run_id]

    def runs(self, *, limit: int) -> list[WorkflowRun]:
        self._reach()
        return list(reversed(self._runs.values()))[:limit]

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        run = self.run(dag_id, run_id)
        state = "" if run.state == "queued" else run.state
        return [TaskRun("first", state, 1, "Null", run.started_at, run.ended_at)]

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[LogLine]:
        self.run(dag_id, run_id)
        if task_id != "first":
            raise WorkflowMissingError(f"There is no task {task_id}.")
        return [LogLine("did nothing", datetime.now(UTC), "info")]

    def _reach(self) -> None:
        if not self.reachable:
            raise WorkflowUnreachableError("The null engine was told not to answer.")


class NullJobRunner:
    """Jobs that do what the test says: `work` is called in place of the job."""

    def __init__(self, jobs: tuple[str, ...] = ("silver.events", "silver.events.gate")) -> None:
        self._jobs = jobs
        self.ran: list[tuple[str, UUID]] = []
        self.work: Callable[[str], JobResult] = lambda job: JobResult(0, {}, f"{job} did nothing.")

    def jobs(self) -> tuple[str, ...]:
        return self._jobs

    def run(self, job: str, *, run_id: UUID) -> JobResult:
        if job not in self._jobs:
            raise JobUnknownError(f"There is no job {job}.")
        self.ran.append((job, run_id))
        return self.work(job)
