"""Records that are sent later than they were generated: copies and out-of-order records."""

import heapq
from dataclasses import dataclass

import numpy as np

from controlplane.scenarios.generator.schedule import Offsets


@dataclass(order=True)
class Pending:
    """A delayed record, due at `due` (microseconds of sending). `source` is the number of a copy's original, -1 for an
    out-of-order record."""

    due: int
    made: int
    source: int
    key: bytes
    value: bytes
    partition: int
    type: int
    code: int


class Waiting:
    """The delayed records by due time."""

    def __init__(self) -> None:
        self._heap: list[Pending] = []

    def add(self, record: Pending) -> None:
        """Keep a record until it is due."""
        heapq.heappush(self._heap, record)

    def take(self, due: Offsets) -> dict[int, Pending]:
        """Assign due records to positions of a block: one each, the next free one if the position is taken."""
        placed: dict[int, Pending] = {}
        later: list[Pending] = []
        at = -1
        while self._heap and self._heap[0].due <= due[-1]:
            record = heapq.heappop(self._heap)
            # Records come in order of due time, so taken positions are adjacent and the next one is free.
            at = max(int(np.searchsorted(due, record.due)), at + 1)
            if at < len(due):
                placed[at] = record
            else:
                later.append(record)
        for record in later:
            heapq.heappush(self._heap, record)
        return placed
