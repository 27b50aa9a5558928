"""Ends a worker that is stuck, so that the supervisor restarts it.

The supervisor sees only whether a process exists. A Celery process can stay alive without accepting tasks: if Redis
goes down while a task is running, closing the connection can fail (kombu 5.7 reads the host of a client that it has
just released). Celery treats that as unrecoverable and stops, and stopping waits for its threads without a limit.
"""

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from celery.signals import heartbeat_sent, worker_shutting_down

from controlplane.health.ports import BrokerUnreachableError
from controlplane.health.providers import broker

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
# After a long absence of Redis a worker waits up to 30 s before it tries again; it must not be ended for that.
PATIENCE_SECONDS = 45.0
# The status of "a temporary failure, ask again" in sysexits.h.
EXIT_STATUS = 75


class Watchdog(threading.Thread):
    """Calls `give_up` with the seconds of silence after `patience` seconds without a heartbeat.

    Only time in which the broker answers counts: without a broker a healthy worker sends no heartbeat. The time is
    counted in checks and not taken from the clock, so that a worker survives a suspended machine.
    """

    def __init__(
        self,
        *,
        broker_answers: Callable[[], bool],
        give_up: Callable[[float], None],
        patience: float,
        look: float,
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._broker_answers = broker_answers
        self._give_up = give_up
        self._patience = patience
        self._look = look
        self._alive = threading.Event()
        self._over = threading.Event()

    def alive(self) -> None:
        """Record a heartbeat."""
        self._alive.set()

    def stand_down(self) -> None:
        """Stop watching: the worker was told to shut down."""
        self._over.set()

    def run(self) -> None:
        """Watch until `stand_down`; give up after `patience` seconds without a heartbeat while the broker responds."""
        silent = 0.0
        while not self._over.wait(self._look):
            if self._alive.is_set():
                self._alive.clear()
                silent = 0.0
            elif self._broker_answers():
                silent += self._look
            if silent >= self._patience:
                self._give_up(silent)
                return


def _redis_answers() -> bool:
    try:
        broker().ask()
    except BrokerUnreachableError:
        return False
    return True


def _end(silent: float) -> None:
    log.critical(
        "No heartbeat for %d s although Redis responds. This worker exits to be restarted. "
        "Stack traces of its threads follow.",
        silent,
    )
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    # Not sys.exit: the regular shutdown is what hangs.
    os._exit(EXIT_STATUS)


_watchdog: Watchdog | None = None


def _worker_lives(**more: Any) -> None:
    """Receives the heartbeat of the worker's main process, sent every 2 s. The first one starts the watchdog."""
    global _watchdog
    if _watchdog is None:
        _watchdog = Watchdog(
            broker_answers=_redis_answers,
            give_up=_end,
            patience=PATIENCE_SECONDS,
            look=min(LOOK_SECONDS, PATIENCE_SECONDS),
        )
        _watchdog.start()
    _watchdog.alive()


def _worker_is_told_to_end(**more: Any) -> None:
    """Sent only on a shutdown signal: a worker that stops because of an error stays watched."""
    if _watchdog is not None:
        _watchdog.stand_down()


heartbeat_sent.connect(_worker_lives)
worker_shutting_down.connect(_worker_is_told_to_end)
