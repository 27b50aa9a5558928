"""Imports large recordings in the background, with a progress count, completely or not at all."""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, Q
from django.utils import timezone

from controlplane.enqueue import nudge
from controlplane.scenarios.generator.recording.confined import in_the_background
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.store import Shelf, shelf
from controlplane.scenarios.models import RecordingReading, RunState
from controlplane.scenarios.recordings.selectors import columns_of_reading

log = logging.getLogger(__name__)

# Sorting a file sends no heartbeat for a while.
LOST_AFTER = timedelta(seconds=60)
_ASK_AGAIN_AFTER = timedelta(seconds=15)
_TELL_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 300.0
_MOST_ATTEMPTS = 3
_GIVEN_UP = (
    f"Import aborted: its worker was terminated {_MOST_ATTEMPTS} times, for example because memory ran out. "
    "Sort the file by time, upload a part of it, or give the generator more memory."
)


class _GoneError(Exception):
    """The recording was deleted."""


def reading_execute(pk: int, *, files: Shelf | None = None, tell_every_seconds: float = _TELL_EVERY_SECONDS) -> None:
    """Read a recording, unless that is done or another worker is at it.

    Args:
        files: where the recording lies; by default on the installation's shelf.
        tell_every_seconds: how often the row says at most how many rows have been read.
    """
    now = timezone.now()
    free = Q(state=RunState.WAITING) | Q(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    taken = RecordingReading.objects.filter(free, pk=pk).update(
        state=RunState.RUNNING, started_at=now, heartbeat_at=now, rows_read=0, attempts=F("attempts") + 1
    )
    if not taken:
        return
    reading = RecordingReading.objects.select_related("recording").get(pk=pk)
    if reading.attempts > _MOST_ATTEMPTS:
        _write(pk, {"state": RunState.FAILED, "message": _GIVEN_UP, "finished_at": timezone.now()})
        return
    try:
        summary = (files or shelf()).prepare(
            reading.recording.sha256,
            columns_of_reading(reading),
            in_the_background(),
            _Telling(pk, tell_every_seconds),
        )
        ending = {"state": RunState.SUCCEEDED, "summary": summary.as_dict(), "rows_read": summary.read, "message": ""}
    except _GoneError:
        log.info("reading %s: its recording was deleted", pk)
        return
    except RecordingError as error:
        ending = {"state": RunState.FAILED, "message": str(error)[:1000]}
    except OSError as error:
        log.exception("reading %s failed", pk)
        ending = {
            "state": RunState.FAILED,
            "message": f"The events can't be stored ({error.strerror or error}). Free disk space.",
        }
    except Exception as error:
        log.exception("reading %s failed", pk)
        ending = {"state": RunState.FAILED, "message": f"{type(error).__name__}: {error}"[:1000]}
    _write(pk, {**ending, "finished_at": timezone.now()})
    log.info("reading %s of %s: %s. %s", pk, reading.recording.sha256, ending["state"], ending["message"])


def readings_reconcile(read: Any) -> list[int]:
    """Request the imports without a worker again. Return their keys."""
    now = timezone.now()
    idle = Q(state=RunState.WAITING) | Q(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    unheard = Q(sent_at__isnull=True) | Q(sent_at__lt=now - _ASK_AGAIN_AFTER)
    asked = []
    for reading in RecordingReading.objects.filter(idle & unheard).order_by("requested_at")[:20]:
        RecordingReading.objects.filter(pk=reading.pk).update(sent_at=now)
        nudge(read.s(reading.pk))
        asked.append(reading.pk)
    return asked


class _Telling:
    """Writes the number of rows read to the row of the import, every half second."""

    def __init__(self, pk: int, every_seconds: float) -> None:
        self._pk, self._every_seconds, self._told = pk, every_seconds, 0.0

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self._told < self._every_seconds:
            return
        self._told = time.monotonic()
        try:
            mine = RecordingReading.objects.filter(pk=self._pk)
            if not mine.update(rows_read=rows, heartbeat_at=timezone.now()):
                raise _GoneError
        except (OperationalError, InterfaceError):
            # During a database outage the import continues, since no other worker can claim it.
            connection.close()


def _write(pk: int, values: dict[str, Any]) -> None:
    """Write the result to the row. Retries for up to five minutes during a database outage."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            RecordingReading.objects.filter(pk=pk).update(**values)
            return
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(1)
