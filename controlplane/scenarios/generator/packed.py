"""Byte strings in one buffer: a million records need a few objects instead of millions."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


class Packed(Sequence[bytes]):
    """Read-only byte strings, each a slice of one buffer.

    Args:
        body: the buffer.
        starts: the start of each string.
        ends: the end of each string (exclusive).
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
        """These strings without copying."""
        starts, ends = self._starts[rows], self._ends[rows]
        whole = self._body.data
        return [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def joined(self, rows: Numbers) -> "bytes | memoryview":
        """These strings concatenated; without copying if they are contiguous."""
        starts, ends = self._starts[rows], self._ends[rows]
        if len(rows) and np.array_equal(starts[1:], ends[:-1]):
            return self._body.data[int(starts[0]) : int(ends[-1])]
        return b"".join(self.views(rows))


def pack(keys: list[bytes], values: list[bytes], partitions: Numbers) -> tuple[Bytes, Numbers]:
    """All texts in one buffer, and the positions (3, n) of each key's start, each value's start and each value's end.

    The records of a partition are contiguous, so that they can be processed as one.
    """
    order = np.argsort(partitions, kind="stable")
    texts = [text for row in order.tolist() for text in (keys[row], values[row])]
    lengths = np.stack([np.fromiter(map(len, column), np.int64, len(column)) for column in (keys, values)], axis=1)
    return np.frombuffer(b"".join(texts), np.uint8), _places(order, lengths)


def _places(order: Numbers, lengths: Numbers) -> Numbers:
    bounds = np.zeros(2 * len(order) + 1, np.int64)
    np.cumsum(lengths[order].ravel(), out=bounds[1:])
    places = np.empty((3, len(order)), np.int64)
    places[:, order] = bounds[:-1:2], bounds[1::2], bounds[2::2]
    return places


class Drafts:
    """Records before assembly: one row of fixed-width fields per record, padded with zeros that are removed at the end.
    A whole block needs a few arrays instead of ten small strings per record.

    Args:
        lines: the field `key`, then the fields of the value. Their texts contain no zeros.
        lengths: the lengths of key and value, (n, 2).
    """

    def __init__(self, lines: npt.NDArray[np.void], lengths: Numbers) -> None:
        self._lines = lines
        self._raw = lines.view(np.uint8).reshape(len(lines), lines.dtype.itemsize)
        self._key = lines.dtype["key"].itemsize
        self._lengths = lengths
        # Changed records as (key, value).
        self._others: dict[int, tuple[bytes, bytes]] = {}

    @classmethod
    def blank(cls, count: int, fields: "np.dtype[np.void]") -> "Drafts":
        """Empty records."""
        return cls(np.zeros(count, fields), np.zeros((count, 2), np.int64))

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, row: int) -> bytes:
        """The value of a record."""
        if row in self._others:
            return self._others[row][1]
        return self._raw[row, self._key :].tobytes().translate(None, b"\0")

    def __setitem__(self, row: int, value: bytes) -> None:
        self.put(row, self.key(row), value)

    def key(self, row: int) -> bytes:
        """The key of a record."""
        if row in self._others:
            return self._others[row][0]
        return self._raw[row, : self._key].tobytes().rstrip(b"\0")

    def put(self, row: int, key: bytes, value: bytes) -> None:
        """Replace the record in this row."""
        self._others[row] = key, value
        self._raw[row] = 0
        self._lengths[row] = len(key), len(value)

    def where(self, kept: npt.NDArray[np.bool_]) -> "Drafts":
        """Only the records of the mask. Call it before any record is changed."""
        return Drafts(self._lines[kept], self._lengths[kept])

    def spread(self, places: Numbers, count: int) -> "Drafts":
        """`count` records: these at the given positions, empty ones elsewhere. Call it before any record is changed."""
        if len(places) == count:
            return self
        wider = Drafts.blank(count, self._lines.dtype)
        wider._raw[places], wider._lengths[places] = self._raw, self._lengths
        return wider

    def packed(self, partitions: Numbers) -> tuple[Bytes, Numbers]:
        """The result of `pack` for these records."""
        order = np.argsort(partitions, kind="stable")
        # As opaque rows, which numpy moves as a whole.
        flat = self._lines.view(f"V{self._lines.dtype.itemsize}")[order].view(np.uint8)
        body: Bytes = flat[flat != 0]
        if self._others:
            body = np.frombuffer(b"".join(self._among(body, order)), np.uint8)
        return body, _places(order, self._lengths)

    def _among(self, body: Bytes, order: Numbers) -> Iterator[memoryview | bytes]:
        """The texts of the rows, with the changed records at their positions."""
        lengths = self._lengths.sum(axis=1)
        lengths[list(self._others)] = 0
        ends = np.cumsum(lengths[order])
        at = 0
        for position in np.flatnonzero(np.isin(order, list(self._others))).tolist():
            end = int(ends[position])
            yield body.data[at:end]
            yield from self._others[int(order[position])]
            at = end
        yield body.data[at:]
