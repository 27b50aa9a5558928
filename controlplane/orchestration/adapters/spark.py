"""Runs a Spark job from this process on a Spark Connect server, through the same entry point as a task of the DAG."""

from uuid import UUID

from controlplane.orchestration.ports import (
    GateRefusedError,
    JobFailedError,
    JobResult,
    JobUnknownError,
    JobUnreachableError,
)
from spark_jobs.pipeline import JOBS


class SparkJobRunner:
    """Runs the jobs of `spark_jobs.registry` on the server at `remote`, a connection string
    with the server's token.
    """

    def __init__(self, remote: str) -> None:
        self._remote = remote

    def jobs(self) -> tuple[str, ...]:
        return JOBS

    def run(self, job: str, *, run_id: UUID) -> JobResult:
        if job not in JOBS:
            raise JobUnknownError(f"Job {job} does not exist.")
        # Imported here: only a worker that runs a job needs Spark's packages.
        from spark_jobs import registry
        from spark_jobs.errors import GateFailed, SparkUnreachable

        try:
            report = registry.run(job, run_id=str(run_id), remote=self._remote)
        except GateFailed as error:
            raise GateRefusedError(str(error)) from error
        except SparkUnreachable as error:
            raise JobUnreachableError(str(error)) from error
        except Exception as error:  # a job may fail with any error, which is then its result
            text = str(error).split("\n\nJVM stacktrace")[0].strip()
            raise JobFailedError(f"{type(error).__name__}: {text}"[:4000]) from error
        return JobResult(rows=report.rows, snapshots=dict(report.snapshots), message=report.message)
