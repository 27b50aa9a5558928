"""Many who ask at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections


def at_once(tries: list[Callable[[], int]]) -> list[int]:
    """What each of `tries` gives, all of them begun together in threads with connections of their own."""
    together = threading.Barrier(len(tries))

    def one(this: Callable[[], int]) -> int:
        together.wait()
        try:
            return this()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tries)) as threads:
        return list(threads.map(one, tries))
