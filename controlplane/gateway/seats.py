"""How much one person may have under way at the gateway, so that nobody takes all of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class NoSeatError(Exception):
    """The person has as many requests or connections under way as they may."""


class Seats:
    """A number of places a person."""

    def __init__(self, each: int) -> None:
        self.each = each
        self._taken: Counter[int] = Counter()

    @contextmanager
    def taken_by(self, person: int) -> Iterator[None]:
        """Hold a place for the block.

        Raises:
            NoSeatError: the person holds all of theirs.
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
