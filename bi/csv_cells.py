"""CSV files for people: what a cell holds, and how rows are written. Everything that writes CSV goes through
`cell` and `Lines`.

Spreadsheets run a cell that begins with one of `= + - @`, a tab or a carriage return as a formula (OWASP, CSV
Injection), and the text of an event is anybody's. Such a text gets a single quote in front, which spreadsheets show as
text. Only text is changed: numbers stay numbers. The text "-5" becomes "'-5".

A row of the file is a row for every reader: a cell with a character at which some program ends a line is quoted, and
NUL, at which some end the text, is shown as U+2400 (SYMBOL FOR NULL).
"""

import csv
from collections.abc import Iterable
from typing import Any

# The full-width forms count as their ASCII characters where a spreadsheet normalises what it opens.
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# csv.writer quotes a cell that holds a character of its line terminator. These are the ends of lines of RFC 4180 and of
# Unicode (str.splitlines has the list), and the separators that readers guess beside the comma.
LINE_ENDS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\t;|"
_UNREADABLE = {0: "\u2400", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def cell(value: Any) -> Any:
    """A value as it stands in a CSV file: a text that a spreadsheet would run begins with a single quote."""
    if not isinstance(value, str):
        return value
    # Spreadsheets ignore blanks at the beginning, also those that are no spaces or have no width.
    blanks = next((n for n, letter in enumerate(value) if letter.isprintable() and not letter.isspace()), len(value))
    return f"'{value}" if any(letter in _BEGINS_A_FORMULA for letter in value[: blanks + 1]) else value


def readable(value: Any) -> Any:
    """A value without the characters at which readers end a text or fail."""
    return value.translate(_UNREADABLE) if isinstance(value, str) else value


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as lines of a CSV file (RFC 4180)."""
    lines = Lines()
    csv.writer(lines, lineterminator=LINE_ENDS).writerows([readable(cell(value)) for value in row] for row in rows)
    return lines.text()


class Lines:
    """What a csv.writer with the line terminator `LINE_ENDS` writes to: it ends the rows with CRLF."""

    def __init__(self) -> None:
        self._rows: list[str] = []

    def write(self, row: str) -> int:
        """Take a row. A csv.writer writes one at a time."""
        self._rows.append(f"{row.removesuffix(LINE_ENDS)}\r\n")
        return len(row)

    def text(self) -> str:
        """The rows as a file."""
        return "".join(self._rows)
