"""Checks that a page runs itself instead of reading a row. Answers are cached for a second and shared by all pages."""

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
        return Reading(PartState.DOWN, f"No response, so background tasks do not run: {error}")
    return Reading(
        PartState.UP,
        f"Healthy. {told.name} {told.version}.",
        {"version": told.version, "memory_bytes": told.memory_bytes},
    )


def _ask_supervisor() -> dict[str, Process]:
    try:
        return process_supervisor().processes()
    except SupervisorUnreachableError:
        # The services' own checks report the problem a little later.
        return {}


_redis = _Kept(_ask_redis)
_processes = _Kept(_ask_supervisor)


def redis() -> Reading:
    """The current health of Redis."""
    return _redis.get()


def processes() -> dict[str, Process]:
    """The current state of the supervised programs."""
    return _processes.get()


def forget() -> None:
    """Clear the cache: the next read checks again."""
    _redis.forget()
    _processes.forget()
