"""Spark jobs: assignment to workers, detection of dead workers, and results.

A job is assigned under a claim. A worker that was considered dead and returns has lost its claim, so its result is
ignored: its successor runs the same job again, which is safe since jobs are idempotent.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import close_old_connections, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from controlplane.orchestration.models import RunState, SparkJob
from controlplane.orchestration.ports import JobFailedError, JobRunner, JobUnreachableError

log = logging.getLogger(__name__)

# Each job occupies a thread of the worker, which the reconcilers also need.
AT_ONCE = 2
MOST_ATTEMPTS = 3
HEARTBEAT_SECONDS = 5.0
DEAD_AFTER = timedelta(seconds=45)


def jobs_due() -> list[tuple[UUID, UUID]]:
    """Claim the jobs that may run now, oldest first, as (job id, claim)."""
    now = timezone.now()
    dead = Q(state=RunState.RUNNING, heartbeat_at__lt=now - DEAD_AFTER)
    handed_out: list[tuple[UUID, UUID]] = []
    with transaction.atomic():
        for row in SparkJob.objects.select_for_update().filter(dead):
            row.claim = None
            if row.attempts >= MOST_ATTEMPTS:
                row.state, row.ended_at = RunState.FAILED, now
                row.error = f"The worker died {row.attempts} times while running this job."
            else:
                row.state = RunState.WAITING
            row.save()
        free = AT_ONCE - SparkJob.objects.filter(state=RunState.RUNNING).count()
        waiting = SparkJob.objects.select_for_update().filter(state=RunState.WAITING).order_by("requested_at", "id")
        for row in waiting[: max(0, free)]:
            row.state, row.claim, row.attempts = RunState.RUNNING, uuid.uuid4(), row.attempts + 1
            row.started_at, row.heartbeat_at, row.error = now, now, ""
            row.save()
            handed_out.append((row.pk, row.claim))
    return handed_out


def job_run(*, job_id: UUID, claim: UUID, runner: JobRunner) -> None:
    """Run one job under its claim, and store the result if the claim is still valid."""
    mine = SparkJob.objects.filter(pk=job_id, claim=claim, state=RunState.RUNNING)
    row = mine.first()
    if row is None:
        return
    with bound_contextvars(run_id=str(job_id), job=row.job):
        log.info("job %s: started, attempt %d", row.job, row.attempts)
        _run(row, mine, claim, runner)
        log.info("job %s: %s", row.job, SparkJob.objects.values_list("state", flat=True).get(pk=job_id))


def _run(row: SparkJob, mine: QuerySet[SparkJob], claim: UUID, runner: JobRunner) -> None:
    try:
        with _heartbeats(row.pk, claim):
            result = runner.run(row.job, run_id=row.pk)
    except JobUnreachableError as error:
        # Spark is unreachable, which is no failure of the job: it waits, and the attempt does not count.
        mine.update(state=RunState.WAITING, claim=None, error=str(error), attempts=F("attempts") - 1)
    except JobFailedError as error:
        mine.update(state=RunState.FAILED, claim=None, error=str(error), ended_at=timezone.now())
    else:
        report = {"rows": result.rows, "snapshots": result.snapshots, "message": result.message}
        mine.update(state=RunState.SUCCEEDED, claim=None, report=report, error="", ended_at=timezone.now())


@contextmanager
def _heartbeats(job_id: UUID, claim: UUID) -> Iterator[None]:
    """Update the heartbeat every few seconds, from a separate thread with its own connection."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(HEARTBEAT_SECONDS):
                close_old_connections()
                try:
                    SparkJob.objects.filter(pk=job_id, claim=claim).update(heartbeat_at=timezone.now())
                except Exception:  # the database may be briefly unreachable; the next heartbeat may succeed
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=HEARTBEAT_SECONDS)
