"""Records that are sent later than they were made: copies, and those held back while others overtake them."""

import heapq
from dataclasses import dataclass

import numpy as np

from controlplane.scenarios.generator.schedule import Offsets


@dataclass(order=True)
class Pending:
    """A record that waits for its moment (microseconds of sending). `source` is the number of the record that a copy
    repeats, -1 for one that was held back."""

    due: int
    made: int
    source: int
    key: bytes
    value: bytes
    partition: int
    type: int
    code: int


class Waiting:
    """The records that wait, by the moment they are due."""

    def __init__(self) -> None:
        self._heap: list[Pending] = []

    def add(self, record: Pending) -> None:
        heapq.heappush(self._heap, record)

    def take(self, due: Offsets) -> dict[int, Pending]:
        """Which records take which places of a block; one place each, the first free one when theirs is taken."""
        placed: dict[int, Pending] = {}
        later: list[Pending] = []
        at = -1
        while self._heap and self._heap[0].due <= due[-1]:
            record = heapq.heappop(self._heap)
            # They come by their moments, so what is taken lies together: the first free place is the next one.
            at = max(int(np.searchsorted(due, record.due)), at + 1)
            if at < len(due):
                placed[at] = record
            else:
                later.append(record)
        for record in later:
            heapq.heappush(self._heap, record)
        return placed
