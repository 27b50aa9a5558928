"""Collects all problems of the rows of a file: each kind of problem with its first rows and a count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from controlplane.scenarios.generator.recording.errors import RecordingError

_ROWS_NAMED = 4
_LONGEST_MESSAGE = 700
# After a problem, reading continues to find others, up to this many invalid rows or this many rows in total.
_ENOUGH_WRONG_ROWS = 200
_ENOUGH_ROWS = 1_000_000


@dataclass
class _Kind:
    first: RecordingError
    rows: list[int]
    count: int

    def text(self) -> str:
        if self.count == 1:
            return self.first.message
        named = [f"{row:,}" for row in self.rows[1:]]
        rest = self.count - len(self.rows)
        also = ", ".join(named) if not rest else f"{', '.join(named)} and {rest:,} more"
        return f"{self.first.message} Also in row{'s' if self.count > 2 else ''} {also}."


@dataclass
class Findings:
    """The problems of an import, and warnings about accepted content."""

    notes: list[str] = field(default_factory=list)
    _kinds: dict[tuple[str, str], _Kind] = field(default_factory=dict)
    _wrong: int = 0
    _read: int = 0

    def add(
        self, kind: str, message: str, remedy: str, *, rows: Sequence[int], column: str = "", count: int | None = None
    ) -> None:
        """Add a problem of some rows.

        Args:
            kind: problems of the same kind and column are reported once, with their rows.
            message: the problem of the first row.
            rows: their numbers in ascending order, at least one. With `count`, the first few are enough.
        """
        count = len(rows) if count is None else count
        self._wrong += count
        known = self._kinds.get((column, kind))
        if known is None:
            error = RecordingError(message, remedy, row=rows[0], column=column)
            self._kinds[column, kind] = _Kind(error, list(rows[:_ROWS_NAMED]), count)
        else:
            known.rows += rows[: max(_ROWS_NAMED - len(known.rows), 0)]
            known.count += count

    def have_read(self, rows: int) -> None:
        """Count rows that have been read."""
        self._read += rows

    @property
    def any(self) -> bool:
        """Whether there is a problem."""
        return bool(self._kinds)

    @property
    def enough(self) -> bool:
        """Whether to stop searching for further problems."""
        return self._wrong >= _ENOUGH_WRONG_ROWS or (self.any and self._read >= _ENOUGH_ROWS)

    def end(self) -> None:
        """Raise the collected problems.

        Raises:
            RecordingError: there are problems.
        """
        if self.any:
            raise self._joined(kind for kind in self._kinds.values())

    def ended_by(self, error: RecordingError) -> RecordingError:
        """The error that ended the import, after the problems found before it."""
        if not self.any:
            return error
        return self._joined([*self._kinds.values(), _Kind(error, [], 1)])

    def _joined(self, kinds: Iterable[_Kind]) -> RecordingError:
        last = 1 << 62
        ordered = sorted(kinds, key=lambda kind: last if kind.first.row is None else kind.first.row)
        first = ordered[0].first
        texts, remedies, length = list[str](), list[str](), 0
        for kind in ordered:
            text = kind.text()
            if texts and length + len(text) > _LONGEST_MESSAGE:
                break
            length += len(text)
            texts.append(text)
            if kind.first.remedy not in remedies:
                remedies.append(kind.first.remedy)
        if more := len(ordered) - len(texts):
            texts.append(f"{more} more kind{'' if more == 1 else 's'} of problem not shown.")
        found = RecordingError(" ".join(texts), " ".join(remedy for remedy in remedies if remedy))
        found.row, found.column = first.row, first.column
        return found
