"""Byte strings in one piece of memory: what a million records need is one object instead of millions."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Bounds = npt.NDArray[np.int64]


class Packed(Sequence[bytes]):
    """Read-only byte strings, each a stretch of one piece of memory.

    Args:
        body: the piece of memory.
        starts: where in it each string begins.
        ends: where each ends (exclusive).
    """

    def __init__(self, body: Bytes, starts: Bounds, ends: Bounds) -> None:
        self._body = body
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> "Packed": ...
    def __getitem__(self, at: int | slice) -> "bytes | Packed":
        if isinstance(at, slice):
            return Packed(self._body, self._starts[at], self._ends[at])
        return self._body[self._starts[at] : self._ends[at]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self.views(np.arange(len(self))))

    def views(self, rows: Bounds) -> list[memoryview]:
        """These strings, without a copy."""
        whole = self._body.data
        starts, ends = self._starts[rows].tolist(), self._ends[rows].tolist()
        return [whole[start:end] for start, end in zip(starts, ends, strict=True)]


def pack(strings: list[bytes]) -> tuple[Bytes, Bounds]:
    """One piece of memory with all of them, one after another, and the n + 1 bounds between them."""
    bounds = np.zeros(len(strings) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings)), out=bounds[1:])
    return np.frombuffer(b"".join(strings), np.uint8), bounds
