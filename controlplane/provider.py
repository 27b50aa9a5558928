"""Providers give a room the adapter of a port.

Each room lists its adapters in its `providers.py`. An adapter is created from the settings on first use, once per
process, and opens no connection before one of its methods is called.
"""

from collections.abc import Callable
from functools import update_wrapper
from threading import RLock
from typing import Generic, TypeVar

Adapter = TypeVar("Adapter")
# Adapters import their client library when they are created, in any thread. A package that two threads import
# concurrently can be returned partly initialised (seen with pyspark), so one adapter is created at a time.
_building = RLock()


class Provider(Generic[Adapter]):
    """Returns the adapter that `build` creates, the same one on every call."""

    def __init__(self, build: Callable[[], Adapter]) -> None:
        self._build = build
        self.adapter: Adapter | None = None
        update_wrapper(self, build)

    def __call__(self) -> Adapter:
        """The adapter, built at the first call."""
        found = self.adapter
        if found is None:
            with _building:
                found = self.adapter
                if found is None:
                    found = self.adapter = self._build()
        return found

    def reset(self) -> None:
        """Create the adapter again on the next call, from the current settings."""
        self.adapter = None
