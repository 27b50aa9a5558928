"""The generator's task, and the one that takes up what was lost."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from controlplane.locks import exclusively
from controlplane.scenarios.generator.recording.store import shelf
from controlplane.scenarios.recordings.reading import reading_execute, readings_reconcile
from controlplane.scenarios.runs.execution import run_execute
from controlplane.scenarios.runs.queue import execute_in_turn
from controlplane.scenarios.runs.reconciling import runs_reconcile
from controlplane.scenarios.schedules.starting import schedules_start_due, ticks_forget

# An older request is void: by then the reconciler has sent another one.
REQUEST_EXPIRES_SECONDS = 60


@shared_task
def start_scheduled() -> None:
    """Start the runs whose time has come."""
    with exclusively("scenarios.schedules") as mine:
        if mine:
            schedules_start_due(timezone.now())


@shared_task
def forget() -> None:
    """Drop what is too old to be shown."""
    ticks_forget(timezone.now())


@shared_task(expires=REQUEST_EXPIRES_SECONDS)
def generate(run_id: str) -> None:
    """Execute a run, or the one before it in the line. Asked twice, only one of the workers gets it."""
    execute_in_turn(UUID(run_id), run_execute)


@shared_task(expires=REQUEST_EXPIRES_SECONDS)
def read_recording(pk: int) -> None:
    """Read a recording with a mapping. Asked twice, only one of the workers does it."""
    reading_execute(pk)


@shared_task
def reconcile() -> None:
    """Ask again for the runs and readings that nobody works on, and measure."""
    with exclusively("scenarios.reconcile") as mine:
        if mine:
            runs_reconcile(generate)
            readings_reconcile(read_recording)


@shared_task
def tidy() -> None:
    """Take away what killed programs have left half done of recordings."""
    shelf().sweep()
