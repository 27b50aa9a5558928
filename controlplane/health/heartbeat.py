"""Heartbeats of the background processes. Each process writes its own row."""

import logging
import time
from collections.abc import Callable
from typing import Any

from celery.beat import PersistentScheduler
from celery.signals import heartbeat_sent
from django.db import DatabaseError

from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.web.database import database_answers, give_back_connections

log = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 4.0


class Heart:
    """Writes signs of life, at most every HEARTBEAT_SECONDS for each part."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, has_database: Callable[[], bool] = database_answers
    ) -> None:
        self._clock, self._has_database = clock, has_database
        self._last: dict[str, float] = {}

    def beat(self, part: str, summary: str) -> None:
        """Write that `part` lives, unless that was written lately. Never raises: no part may die of it."""
        now = self._clock()
        if now - self._last.get(part, -HEARTBEAT_SECONDS) < HEARTBEAT_SECONDS:
            return
        self._last[part] = now
        if not self._has_database():
            return
        try:
            observation_record(part=part, reading=Reading(PartState.UP, summary))
        except DatabaseError as error:
            log.warning("Could not write the heartbeat of %s: %s", part, error)
        finally:
            # Before a pool forks its next child, which must not share a connection with its parent.
            give_back_connections()


_heart = Heart()


def _worker_lives(sender: Any = None, **more: Any) -> None:
    # worker@host and generator@host are the parts `worker` and `generator`.
    name = str(sender.eventer.hostname)
    _heart.beat(name.partition("@")[0][:32], "Accepting tasks.")


heartbeat_sent.connect(_worker_lives)


class ObservedScheduler(PersistentScheduler):  # type: ignore[misc]
    """Beat's scheduler with a heartbeat."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run due tasks and record a heartbeat; returns the seconds until the next tick."""
        pause = float(super().tick(*args, **kwargs))
        _heart.beat("beat", "Scheduler running.")
        return min(pause, HEARTBEAT_SECONDS)
