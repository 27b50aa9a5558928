"""What can be wrong with a recording, said with its row and column."""

from collections.abc import Sequence

_COLUMNS_NAMED = 30


class RecordingError(Exception):
    """A file can't be a recording.

    The message quotes the file, so characters that can't be shown or stored are replaced by U+FFFD.

    Args:
        row: counted from 1, without the header, blank lines included; in a file of lines, the line. None where it is
            the whole file.
        column: as the file names it.
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
    """The text with U+FFFD for every character that can't be shown, such as control characters."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def columns_missing(missing: Sequence[str], there: Sequence[str], row: int | None = None) -> RecordingError:
    """The error that says which columns there are instead."""
    words = f"there is no column {missing[0]}" if len(missing) == 1 else f"there are no columns {', '.join(missing)}"
    more = f" and {len(there) - _COLUMNS_NAMED:,} more" if len(there) > _COLUMNS_NAMED else ""
    shown = ", ".join(str(name)[:40] for name in there[:_COLUMNS_NAMED]) + more
    says = f"The file has: {shown}." if there else "The file has no columns."
    return RecordingError(f"{words}.", printable(f"{says} Choose the mapping that fits."), row=row)
