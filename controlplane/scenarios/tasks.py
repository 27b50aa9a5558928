"""The tasks of the generator and the reconciler."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from controlplane.locks import exclusively
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.recordings.reading import reading_execute, readings_reconcile
from controlplane.scenarios.runs.execution import run_execute
from controlplane.scenarios.runs.queue import execute_in_turn
from controlplane.scenarios.runs.reconciling import runs_reconcile
from controlplane.scenarios.schedules.starting import schedules_start_due, ticks_purge_expired

# An older request is obsolete: the reconciler has sent another one by then.
REQUEST_EXPIRES_SECONDS = 60


@shared_task
def start_scheduled() -> None:
    """Start the scheduled runs that are due."""
    with exclusively("scenarios.schedules") as mine:
        if mine:
            schedules_start_due(timezone.now())


@shared_task
def forget() -> None:
    """Delete expired schedule history."""
    ticks_purge_expired(timezone.now())


@shared_task(expires=REQUEST_EXPIRES_SECONDS)
def generate(run_id: str) -> None:
    """Execute a run, or the one before it in the queue. If requested twice, only one worker gets it."""
    execute_in_turn(UUID(run_id), run_execute)


@shared_task(expires=REQUEST_EXPIRES_SECONDS)
def read_recording(pk: int) -> None:
    """Import a recording with a mapping. If requested twice, only one worker does it."""
    reading_execute(pk)


@shared_task
def reconcile() -> None:
    """Request runs and imports again that no worker has, and record measurements."""
    with exclusively("scenarios.reconcile") as mine:
        if mine:
            runs_reconcile(generate)
            readings_reconcile(read_recording)


@shared_task
def tidy() -> None:
    """Delete temporary files of recordings that killed processes left behind."""
    recording_store().sweep()
