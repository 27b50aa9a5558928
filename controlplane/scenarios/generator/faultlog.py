"""The fault of each faulty record: exact, compact and stored apart from the data."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# The fixed number of records per part of the log, so that a part written again is identical.
PART_RECORDS = 1 << 20


@dataclass(frozen=True)
class Part:
    """The faults among the records from `first` (inclusive) to `until`: `body` as made by `packed`."""

    number: int
    first: int
    until: int
    count: int
    body: bytes


def packed(sequences: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> bytes:
    """Record numbers (ascending) and their codes, compressed: differences of the numbers, then the codes."""
    steps = np.diff(sequences, prepend=0).astype("<u8")
    return zlib.compress(steps.tobytes() + codes.astype("<u1").tobytes())


def unpacked(body: bytes) -> Iterator[tuple[int, int]]:
    """The pairs that `packed` was called with."""
    raw = zlib.decompress(body)
    count = len(raw) // 9
    sequences = np.cumsum(np.frombuffer(raw, "<u8", count))
    yield from zip(sequences.tolist(), np.frombuffer(raw, "<u1", count, count * 8).tolist(), strict=True)


class FaultLog:
    """Collects the codes of records in order and emits complete parts.

    Args:
        keep: takes a part; called again for the same part when a run is taken up again.
        part_records: how many records one part is about.
    """

    def __init__(self, keep: Callable[[Part], None], part_records: int = PART_RECORDS) -> None:
        self._keep = keep
        self._part_records = part_records
        self._sequences: list[npt.NDArray[np.int64]] = []
        self._codes: list[npt.NDArray[np.int64]] = []
        self._first = self._next = 0

    def add(self, first: int, codes: npt.NDArray[np.int64]) -> None:
        """The codes of the records from `first` on; 0 is a good one."""
        while first + len(codes) >= self._first + self._part_records:
            fits = self._first + self._part_records - first
            self._take(first, codes[:fits])
            self.close()
            self._first += self._part_records
            first, codes = first + fits, codes[fits:]
        self._take(first, codes)

    def _take(self, first: int, codes: npt.NDArray[np.int64]) -> None:
        bad = np.flatnonzero(codes)
        if len(bad):
            self._sequences.append(bad + first)
            self._codes.append(codes[bad])
        self._next = first + len(codes)

    def close(self) -> None:
        """Emit the current, incomplete part."""
        if self._next > self._first:
            empty = [np.empty(0, np.int64)]
            sequences, codes = np.concatenate(self._sequences or empty), np.concatenate(self._codes or empty)
            number = self._first // self._part_records
            self._keep(Part(number, self._first, self._next, len(sequences), packed(sequences, codes)))
            self._sequences, self._codes = [], []
