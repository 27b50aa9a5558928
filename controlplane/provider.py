"""Providers: how a room gets the adapter of a port.

Each room names its adapters in its `providers.py`. An adapter is built from the settings when it is first used, once
per process, and connects to nothing before one of its methods is called.
"""

from collections.abc import Callable
from functools import update_wrapper
from threading import RLock
from typing import Generic, TypeVar

Adapter = TypeVar("Adapter")
# Adapters import their client library when they are built, in any thread. A package that two threads import from two
# ends can be handed out half initialised (seen with pyspark), so one is built at a time.
_building = RLock()


class Provider(Generic[Adapter]):
    """Returns the adapter that `build` makes, the same one at every call."""

    def __init__(self, build: Callable[[], Adapter]) -> None:
        self._build = build
        self.adapter: Adapter | None = None
        update_wrapper(self, build)

    def __call__(self) -> Adapter:
        found = self.adapter
        if found is None:
            with _building:
                found = self.adapter
                if found is None:
                    found = self.adapter = self._build()
        return found

    def reset(self) -> None:
        """Build the adapter again at the next call, from the settings as they are then."""
        self.adapter = None
