"""Heartbeats of the background processes. Each process writes its own row."""

import logging
import time
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
_last: dict[str, float] = {}


def beat_once(part: str, summary: str) -> None:
    """Record that `part` is alive, at most every HEARTBEAT_SECONDS. Never raises: a failed write must not end it."""
    now = time.monotonic()
    if now - _last.get(part, -HEARTBEAT_SECONDS) < HEARTBEAT_SECONDS:
        return
    _last[part] = now
    if not database_answers():
        return
    try:
        observation_record(part=part, reading=Reading(PartState.UP, summary))
    except DatabaseError as error:
        log.warning("Could not write the heartbeat of %s: %s", part, error)
    finally:
        # Before a pool forks its next child, which must not share a connection with its parent.
        give_back_connections()


def _worker_lives(sender: Any = None, **more: Any) -> None:
    # worker@host and generator@host are the parts `worker` and `generator`.
    name = str(sender.eventer.hostname)
    beat_once(name.partition("@")[0][:32], "Accepting tasks.")


heartbeat_sent.connect(_worker_lives)


class ObservedScheduler(PersistentScheduler):  # type: ignore[misc]
    """Beat's scheduler with a heartbeat."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        pause = float(super().tick(*args, **kwargs))
        beat_once("beat", "Scheduler running.")
        return min(pause, HEARTBEAT_SECONDS)
