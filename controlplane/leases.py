"""Durable work: rows that workers execute under a lease.

A row waits until a worker claims it. The claim writes the worker's id and a heartbeat to the row, and the worker
renews the heartbeat while it works. A row with an old heartbeat has lost its worker, and any worker may claim it. A
worker that returns late finds another id in its row, so its result is not written. Work must therefore be safe to run
again.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

from django.db import InterfaceError, OperationalError, close_old_connections, connection, models
from django.db.models import F, Q, QuerySet
from django.utils import timezone

log = logging.getLogger(__name__)

# How long the result of work waits for the database.
_PATIENCE_SECONDS = 600.0


class WorkState(models.TextChoices):
    """The states of durable work."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


UNFINISHED = (WorkState.WAITING, WorkState.RUNNING)


class LeaseLostError(Exception):
    """Another worker holds the row, or the row was deleted."""


class Timed(models.Model):
    """A row with a state that was requested, starts and ends."""

    state = models.CharField(max_length=16, choices=WorkState, default=WorkState.WAITING)
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["-requested_at", "-id"]

    @property
    def under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in UNFINISHED

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return not self.under_way

    @property
    def seconds(self) -> float | None:
        """The duration so far, or the total duration."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class Work(Timed):
    """A row that workers execute.

    `LOST_AFTER` is the age of a heartbeat from which the worker counts as dead. It exceeds the longest time that the
    work spends without a heartbeat.
    """

    LOST_AFTER: ClassVar[timedelta] = timedelta(seconds=15)

    sent_at = models.DateTimeField(null=True, help_text="The last request to a worker.")
    holder = models.UUIDField(null=True, help_text="The worker that may write to the row.")
    heartbeat_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0, help_text="How many workers have claimed it.")

    class Meta(Timed.Meta):
        abstract = True


W = TypeVar("W", bound=Work)


def _idle(model: type[Work]) -> Q:
    lost = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=timezone.now() - model.LOST_AFTER)
    return Q(state=WorkState.WAITING) | Q(lost, state=WorkState.RUNNING)


def idle(rows: QuerySet[W]) -> QuerySet[W]:
    """The rows that no living worker holds, longest waiting first."""
    return rows.filter(_idle(rows.model)).order_by("requested_at", "pk")


def requested_again(rows: QuerySet[W], *, after: timedelta, limit: int) -> list[W]:
    """The idle rows that no worker was asked to execute for `after`, at most `limit`. Marks them as sent now.

    Requests to workers get lost with their broker. A second request has no effect where the first one arrived.
    """
    now = timezone.now()
    unheard = Q(sent_at__isnull=True) | Q(sent_at__lt=now - after)
    due = list(idle(rows).filter(unheard)[:limit])
    for row in due:
        if row.state == WorkState.RUNNING:
            log.warning("%s: no heartbeat since %s, requested again", row, row.heartbeat_at)
        rows.filter(pk=row.pk).update(sent_at=now)
    return due


def claim(rows: QuerySet[W], pk: Any, **values: Any) -> W | None:
    """Claim an idle row for this worker; None if it has ended or another worker holds it.

    Args:
        rows: selects what is returned with the row; the row is one of them.
        values: further fields to set with the claim.
    """
    holder, now = uuid4(), timezone.now()
    claimed = rows.filter(_idle(rows.model), pk=pk).update(
        state=WorkState.RUNNING, holder=holder, heartbeat_at=now, attempts=F("attempts") + 1, **values
    )
    return held(rows, pk, holder) if claimed else None


def held(rows: QuerySet[W], pk: Any, holder: Any) -> W | None:
    """The row while `holder` has it."""
    return rows.filter(pk=pk, holder=holder, state=WorkState.RUNNING).first()


def renew(work: Work, **values: Any) -> None:
    """Renew the heartbeat, and set further fields.

    Raises:
        LeaseLostError: another worker holds the row.
    """
    if not _own(work).update(heartbeat_at=timezone.now(), **values):
        raise LeaseLostError(str(work.pk))


def write(work: Work, *, patience_seconds: float = _PATIENCE_SECONDS, **values: Any) -> None:
    """Set fields of a held row. Retries during a database outage.

    Raises:
        LeaseLostError: another worker holds the row.
    """
    until = time.monotonic() + patience_seconds
    while True:
        try:
            changed = _own(work).update(**values)
            break
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(1)
    if not changed:
        raise LeaseLostError(str(work.pk))


def finish(work: Work, state: str, **values: Any) -> None:
    """End the work with its result, and give the row back.

    Raises:
        LeaseLostError: another worker holds the row; nothing is written.
    """
    write(work, **{"finished_at": timezone.now(), **values, "state": state, "holder": None})


def release(work: Work, **values: Any) -> None:
    """Give the row back unfinished: it waits for another attempt.

    Raises:
        LeaseLostError: another worker holds the row; nothing is written.
    """
    write(work, **values, state=WorkState.WAITING, holder=None)


@contextmanager
def kept(work: Work, *, every_seconds: float) -> Iterator[None]:
    """Renew the heartbeat during the block, from a thread with a connection of its own."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(every_seconds):
                close_old_connections()
                try:
                    _own(work).update(heartbeat_at=timezone.now())
                except Exception:  # the database may be briefly unreachable; the next heartbeat may succeed
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{work.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=every_seconds)


def _own(work: Work) -> QuerySet[Any]:
    rows: QuerySet[Any] = type(work)._default_manager.filter(pk=work.pk, holder=work.holder)
    return rows
