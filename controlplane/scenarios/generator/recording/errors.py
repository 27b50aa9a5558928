"""What can be wrong with a recording, said with its row and column."""

from collections.abc import Sequence


class RecordingError(Exception):
    """A file can't be a recording.

    Args:
        row: counted from 1, without the header; of a file of lines, the line. None where it is the whole file.
        column: as the file names it.
    """

    def __init__(self, message: str, remedy: str = "", *, row: int | None = None, column: str = "") -> None:
        where = [*([f"row {row:,}"] if row is not None else []), *([f"column {column}"] if column else [])]
        place = ", ".join(where)
        # Python's capitalize() would lower the column's letters.
        said = f"{place[:1].upper()}{place[1:]}: {message}" if place else message
        super().__init__(f"{said} {remedy}".strip())
        self.message = said
        self.remedy = remedy
        self.row = row
        self.column = column


def columns_missing(missing: Sequence[str], there: Sequence[str], row: int | None = None) -> RecordingError:
    """The error that says which columns there are instead."""
    words = f"there is no column {missing[0]}" if len(missing) == 1 else f"there are no columns {', '.join(missing)}"
    shown = ", ".join(str(name)[:40] for name in there[:30])
    return RecordingError(f"{words}.", f"The file has: {shown}. Choose the mapping that fits.", row=row)
