"""Errors of recordings, with row and column."""

from collections.abc import Sequence

_COLUMNS_NAMED = 30


class RecordingError(Exception):
    """The file is not a valid recording.

    The message quotes the file, so characters that can't be shown or stored are replaced by U+FFFD.

    Args:
        row: counted from 1, without the header, including blank lines; for NDJSON, the line. None for the whole file.
        column: its name in the file.
    """

    def __init__(self, message: str, remedy: str = "", *, row: int | None = None, column: str = "") -> None:
        where = [*([f"row {row:,}"] if row is not None else []), *([f"column {column}"] if column else [])]
        place = ", ".join(where)
        # Python's capitalize() would lower the column's letters.
        said = printable(f"{place[:1].upper()}{place[1:]}: {message}" if place else message)
        super().__init__(f"{said} {remedy}".strip())
        self.message = said
        self.remedy = remedy
        self.row = row
        self.column = column


def printable(text: str) -> str:
    """The text with U+FFFD for every unprintable character, such as control characters."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def columns_missing(missing: Sequence[str], there: Sequence[str], row: int | None = None) -> RecordingError:
    """The error for missing columns. The remedy lists the columns of the file."""
    words = f"missing column {missing[0]}" if len(missing) == 1 else f"missing columns {', '.join(missing)}"
    more = f" and {len(there) - _COLUMNS_NAMED:,} more" if len(there) > _COLUMNS_NAMED else ""
    shown = ", ".join(str(name)[:40] for name in there[:_COLUMNS_NAMED]) + more
    says = f"The file has the columns: {shown}." if there else "The file has no columns."
    words = words if row is not None else f"{words[:1].upper()}{words[1:]}"
    return RecordingError(f"{words}.", printable(f"{says} Select a matching mapping."), row=row)
