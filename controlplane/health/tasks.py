"""Looking at the parts, one task a part, so that one that hangs keeps no other waiting."""

from celery import shared_task

from controlplane.health.models import PartState
from controlplane.health.probing import probe_of
from controlplane.health.reading import Reading
from controlplane.health.services import measurements_forget, observation_record


@shared_task
def observe(part: str) -> None:
    """Look at one part and keep what was seen. While an earlier look still waits, this one is left out."""
    probe, lock = probe_of(part)
    if not lock.acquire(blocking=False):
        return
    try:
        try:
            reading = probe()
        except Exception as error:  # whatever keeps a part from answering is what there is to say of it
            reading = Reading(PartState.DOWN, f"{type(error).__name__}: {error}")
        observation_record(part=part, reading=reading)
    finally:
        lock.release()


@shared_task
def forget() -> None:
    """Drop what is too old to be shown."""
    measurements_forget()
