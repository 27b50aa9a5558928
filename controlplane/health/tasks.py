"""Checks of the services. Each service has its own task, so that a hanging check delays no other."""

import threading

from celery import shared_task
from django.conf import settings
from django.utils.module_loading import import_string

from controlplane.health.models import PartState
from controlplane.health.periods import PERIODS
from controlplane.health.reading import Reading
from controlplane.health.services import measurements_forget, observation_record

_checking = {part: threading.Lock() for part in PERIODS}


@shared_task
def observe(part: str) -> None:
    """Check one service and store the result. Skipped while an earlier check of it is still running."""
    lock = _checking[part]
    if not lock.acquire(blocking=False):
        return
    try:
        try:
            reading = import_string(settings.HEALTH_PROBES)[part]()
        except Exception as error:  # any error of the probe is the finding
            reading = Reading(PartState.DOWN, f"{type(error).__name__}: {error}")
        observation_record(part=part, reading=reading)
    finally:
        lock.release()


@shared_task
def forget() -> None:
    """Delete expired measurements."""
    measurements_forget()
