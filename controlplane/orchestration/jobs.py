"""Spark jobs: assignment to workers, and results.

A job is claimed before it is sent to a worker. Its successor runs the same job again when the worker dies, which is
safe since jobs are idempotent.
"""

import logging
from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from controlplane.leases import LeaseLostError, WorkState, claim, finish, held, idle, kept, release
from controlplane.orchestration.models import SparkJob
from controlplane.orchestration.ports import JobFailedError, JobRunner, JobUnreachableError

log = logging.getLogger(__name__)

# Each job occupies a thread of the worker, which the reconcilers also need.
AT_ONCE = 2
MOST_ATTEMPTS = 3
HEARTBEAT_SECONDS = 5.0


def jobs_due() -> list[SparkJob]:
    """Claim the jobs that may run now, oldest first."""
    now = timezone.now()
    rows, claimed = SparkJob.objects.all(), []
    with transaction.atomic():
        for row in idle(rows.select_for_update()).filter(state=WorkState.RUNNING):
            row.state, row.holder = WorkState.WAITING, None
            if row.attempts >= MOST_ATTEMPTS:
                row.state, row.finished_at = WorkState.FAILED, now
                row.error = f"The worker died {row.attempts} times while running this job."
            row.save()
        free = AT_ONCE - rows.filter(state=WorkState.RUNNING).count()
        for row in idle(rows)[: max(0, free)]:
            job = claim(rows, row.pk, started_at=now, error="")
            if job is not None:
                claimed.append(job)
    return claimed


def job_run(*, job_id: UUID, holder: UUID, runner: JobRunner) -> None:
    """Run one claimed job and store its result, unless another worker holds it by now."""
    job = held(SparkJob.objects.all(), job_id, holder)
    if job is None:
        return
    with bound_contextvars(run_id=str(job_id), job=job.job):
        log.info("job %s: started, attempt %d", job.job, job.attempts)
        with suppress(LeaseLostError):
            _run(job, runner)
        log.info("job %s: %s", job.job, SparkJob.objects.values_list("state", flat=True).get(pk=job_id))


def _run(job: SparkJob, runner: JobRunner) -> None:
    try:
        with kept(job, every_seconds=HEARTBEAT_SECONDS):
            result = runner.run(job.job, run_id=job.pk)
    except JobUnreachableError as error:
        # Spark is unreachable, which is no failure of the job: it waits, and the attempt does not count.
        release(job, error=str(error), attempts=job.attempts - 1)
    except JobFailedError as error:
        finish(job, WorkState.FAILED, error=str(error))
    else:
        report = {"rows": result.rows, "snapshots": result.snapshots, "message": result.message}
        finish(job, WorkState.SUCCEEDED, report=report, error="")
