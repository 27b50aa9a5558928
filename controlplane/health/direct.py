"""What a page asks itself instead of reading it from a row: answers are kept for a second, so many pages ask once."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from controlplane.health.models import PartState
from controlplane.health.ports import BrokerUnreachableError, Process, SupervisorUnreachableError
from controlplane.health.providers import broker, process_supervisor
from controlplane.health.reading import Reading

Answer = TypeVar("Answer")
KEPT_SECONDS = 1.0


class _Kept(Generic[Answer]):
    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answer: tuple[float, Answer] | None = None

    def get(self) -> Answer:
        with self._lock:
            if self._answer is None or time.monotonic() - self._answer[0] > KEPT_SECONDS:
                self._answer = (time.monotonic(), self._ask())
            return self._answer[1]

    def forget(self) -> None:
        with self._lock:
            self._answer = None


def _ask_redis() -> Reading:
    try:
        told = broker().ask()
    except BrokerUnreachableError as error:
        return Reading(PartState.DOWN, f"Doesn't answer, so nothing works in the background: {error}")
    return Reading(
        PartState.UP, f"Redis {told.version} answers.", {"version": told.version, "memory_bytes": told.memory_bytes}
    )


def _ask_supervisor() -> dict[str, Process]:
    try:
        return process_supervisor().processes()
    except SupervisorUnreachableError:
        # The parts themselves still tell how they are, a little later.
        return {}


_redis = _Kept(_ask_redis)
_processes = _Kept(_ask_supervisor)


def redis() -> Reading:
    """How Redis is, now."""
    return _redis.get()


def processes() -> dict[str, Process]:
    """The supervised programs, now."""
    return _processes.get()


def forget() -> None:
    """Ask anew at the next occasion."""
    _redis.forget()
    _processes.forget()
