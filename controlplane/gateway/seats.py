"""Concurrency limits per user at the gateway."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoSeatError(Exception):
    """The user has reached the limit of concurrent requests or connections."""


class Seats:
    """A concurrency limit per user."""

    def __init__(self, each: int) -> None:
        self.each = each
        self._taken: Counter[int] = Counter()

    @contextmanager
    def taken_by(self, person: int) -> Iterator[None]:
        """Count one request or connection during the block.

        Raises:
            NoSeatError: the user has reached the limit.
        """
        if self._taken[person] >= self.each:
            raise NoSeatError
        self._taken[person] += 1
        try:
            yield
        finally:
            self._taken[person] -= 1
            if not self._taken[person]:
                del self._taken[person]
