"""A worker that is stuck ends itself, so that the supervisor starts it again.

The supervisor sees only whether a process is there. Celery can stay behind as a process that takes nothing any more:
when Redis goes while a task is in a worker's hands, closing the connection can fail (kombu 5.7 asks a client that it
has just let go of for its host), Celery calls that unrecoverable and stops, and stopping waits for its threads without
a limit.
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
    """Calls `give_up` with the seconds of silence when no sign of life came for `patience` seconds.

    Only time in which the broker answers counts: a worker without its broker is silent and well. The time is counted in
    looks and not taken from the clock, so that a machine that slept doesn't wake to a worker that ends itself.
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
        """The worker's loop goes round."""
        self._alive.set()

    def stand_down(self) -> None:
        """The worker was told to end, and may take its time."""
        self._over.set()

    def run(self) -> None:
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
        "No sign of life for %d s although Redis answers: this worker ends, to be started again. "
        "What its threads were at follows.",
        silent,
    )
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    # Not sys.exit: what hangs is the way out.
    os._exit(EXIT_STATUS)


_watchdog: Watchdog | None = None


def _worker_lives(**more: Any) -> None:
    """Sent by the worker's main process every 2 s. The first one starts the watch: a start may take its time."""
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
    """Sent on a signal only: a worker that stops because of an error says nothing, and stays watched."""
    if _watchdog is not None:
        _watchdog.stand_down()


heartbeat_sent.connect(_worker_lives)
worker_shutting_down.connect(_worker_is_told_to_end)
