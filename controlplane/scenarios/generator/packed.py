"""Texts in one piece of memory: what a million records need is a few objects instead of millions."""

from collections.abc import Iterator, Sequence
from typing import Self, overload

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]


class Packed(Sequence[bytes]):
    """Read-only byte strings, each a stretch of one piece of memory.

    Args:
        body: the piece of memory.
        starts: where in it each string begins.
        ends: where each ends (exclusive).
    """

    def __init__(self, body: Bytes, starts: Numbers, ends: Numbers) -> None:
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

    def views(self, rows: Numbers) -> list[memoryview]:
        """These strings, without a copy."""
        starts, ends = self._starts[rows], self._ends[rows]
        whole = self._body.data
        return [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def joined(self, rows: Numbers) -> "bytes | memoryview":
        """These strings one after another; not copied where they lie so already."""
        starts, ends = self._starts[rows], self._ends[rows]
        if len(rows) and np.array_equal(starts[1:], ends[:-1]):
            return self._body.data[int(starts[0]) : int(ends[-1])]
        return b"".join(self.views(rows))


class Drafts:
    """Records whose texts are still in pieces, to be put together all at once: a row for each record, first its key,
    then what its value is made of.

    Args:
        pieces: objects of bytes, (n, k).
        lengths: of key and value, (n, 2).
    """

    def __init__(self, pieces: Objects, lengths: Numbers) -> None:
        self._pieces = pieces
        self._lengths = lengths

    @classmethod
    def of(cls, keys: list[bytes], values: list[bytes]) -> Self:
        """Texts that are whole already."""
        pieces = np.empty((len(keys), 2), object)
        pieces[:, 0], pieces[:, 1] = keys, values
        lengths = [np.fromiter(map(len, texts), np.int64, len(texts)) for texts in (keys, values)]
        return cls(pieces, np.stack(lengths, axis=1))

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, row: int) -> bytes:
        """The value of a record."""
        return b"".join(self._pieces[row, 1:].tolist())

    def __setitem__(self, row: int, value: bytes) -> None:
        self._pieces[row, 1:] = b""
        self._pieces[row, 1] = value
        self._lengths[row, 1] = len(value)

    def key(self, row: int) -> bytes:
        """The key of a record."""
        found: bytes = self._pieces[row, 0]
        return found

    def where(self, kept: npt.NDArray[np.bool_]) -> "Drafts":
        """Those records alone."""
        return Drafts(self._pieces[kept], self._lengths[kept])

    def spread(self, places: Numbers, count: int) -> "Drafts":
        """As many records as that, with these at those places and empty ones elsewhere."""
        if len(places) == count:
            return self
        pieces = np.full((count, self._pieces.shape[1]), b"", object)
        lengths = np.zeros((count, 2), np.int64)
        pieces[places], lengths[places] = self._pieces, self._lengths
        return Drafts(pieces, lengths)

    def put(self, row: int, key: bytes, value: bytes) -> None:
        """Another record in this place."""
        self._pieces[row, 0] = key
        self._lengths[row, 0] = len(key)
        self[row] = value

    def packed(self, partitions: Numbers) -> tuple[Bytes, Numbers]:
        """All texts in one piece of memory, and where in it each record's key begins, its value begins and its value
        ends: (3, n). The records of a partition lie one after another, so that they can be told as one."""
        order = np.argsort(partitions, kind="stable")
        bounds = np.zeros(2 * len(order) + 1, np.int64)
        np.cumsum(self._lengths[order].ravel(), out=bounds[1:])
        places = np.empty((3, len(order)), np.int64)
        places[:, order] = bounds[:-1:2], bounds[1::2], bounds[2::2]
        return np.frombuffer(b"".join(self._pieces[order].ravel().tolist()), np.uint8), places
