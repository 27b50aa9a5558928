"""Imports large recordings in the background, with a progress count, completely or not at all."""

import logging
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from controlplane.enqueue import enqueue_on_commit
from controlplane.leases import LeaseLostError, WorkState, claim, finish, renew, requested_again
from controlplane.scenarios.generator.recording.confined import in_the_background
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.store import RecordingStore, recording_store
from controlplane.scenarios.models import RecordingReading
from controlplane.scenarios.recordings.selectors import columns_of_reading

log = logging.getLogger(__name__)

_ASK_AGAIN_AFTER = timedelta(seconds=15)
_TELL_EVERY_SECONDS = 0.5
_MOST_ATTEMPTS = 3
_GIVEN_UP = (
    f"Import aborted: its worker was terminated {_MOST_ATTEMPTS} times, for example because memory ran out. "
    "Sort the file by time, upload a part of it, or give the generator more memory."
)


def reading_execute(
    pk: int, *, files: RecordingStore | None = None, tell_every_seconds: float = _TELL_EVERY_SECONDS
) -> None:
    """Read a recording, unless that is done or another worker is at it.

    Args:
        files: where the recording lies; by default on the installation's shelf.
        tell_every_seconds: how often the row says at most how many rows have been read.
    """
    rows = RecordingReading.objects.select_related("recording")
    reading = claim(rows, pk, started_at=timezone.now(), rows_read=0)
    if reading is None:
        return
    if reading.attempts > _MOST_ATTEMPTS:
        finish(reading, WorkState.FAILED, message=_GIVEN_UP)
        return
    with suppress(LeaseLostError):
        _read(reading, files or recording_store(), tell_every_seconds)


def _read(reading: RecordingReading, files: RecordingStore, tell_every_seconds: float) -> None:
    try:
        summary = files.prepare(
            reading.recording.sha256,
            columns_of_reading(reading),
            in_the_background(),
            _Telling(reading, tell_every_seconds),
        )
        state, ending = WorkState.SUCCEEDED, {"summary": summary.as_dict(), "rows_read": summary.read, "message": ""}
    except LeaseLostError:
        log.info("reading %s: its recording was deleted, or another worker has it", reading.pk)
        return
    except RecordingError as error:
        state, ending = WorkState.FAILED, {"message": str(error)[:1000]}
    except OSError as error:
        log.exception("reading %s failed", reading.pk)
        said = f"The events can't be stored ({error.strerror or error}). Free disk space."
        state, ending = WorkState.FAILED, {"message": said}
    except Exception as error:
        log.exception("reading %s failed", reading.pk)
        state, ending = WorkState.FAILED, {"message": f"{type(error).__name__}: {error}"[:1000]}
    finish(reading, state, **ending)
    log.info("reading %s of %s: %s. %s", reading.pk, reading.recording.sha256, state, ending["message"])


def readings_reconcile(read: Any) -> list[int]:
    """Request the imports without a worker again. Return their keys."""
    due = requested_again(RecordingReading.objects.all(), after=_ASK_AGAIN_AFTER, limit=20)
    for reading in due:
        enqueue_on_commit(read.s(reading.pk))
    return [reading.pk for reading in due]


class _Telling:
    """Writes the number of rows read to the row of the import, every half second."""

    def __init__(self, reading: RecordingReading, every_seconds: float) -> None:
        self._reading, self._every_seconds, self._told = reading, every_seconds, 0.0

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self._told < self._every_seconds:
            return
        self._told = time.monotonic()
        try:
            renew(self._reading, rows_read=rows)
        except (OperationalError, InterfaceError):
            # During a database outage the import continues, since no other worker can claim it.
            connection.close()
