"""Safe CSV output. All CSV exports use `cell` and `Lines`.
Spreadsheets evaluate a cell that starts with one of `= + - @`, a tab or a carriage return as a formula (OWASP, CSV
Injection), and the text of events is untrusted. Such a text gets a leading single quote, which spreadsheets show as
text. Only strings are changed: numbers stay numbers. The string "-5" becomes "'-5".
A row of the file is one row for every reader: a cell with a character that some program treats as a line end is quoted,
and NUL, which ends the text for some readers, is written as U+2400 (SYMBOL FOR NULL).
"""

import csv
from collections.abc import Iterable
from typing import Any

# Some spreadsheets normalise full-width forms to their ASCII characters.
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# csv.writer quotes a cell that contains a character of its line terminator. These are the line ends of RFC 4180 and of
# Unicode (see str.splitlines), and the separators that readers may guess besides the comma.
LINE_ENDS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\t;|"
_UNREADABLE = {0: "\u2400", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def cell(value: Any) -> Any:
    """A value for a CSV file: a string that a spreadsheet would evaluate gets a leading single quote."""
    if not isinstance(value, str):
        return value
    # Spreadsheets ignore leading blanks, including zero-width ones.
    blanks = next((n for n, letter in enumerate(value) if letter.isprintable() and not letter.isspace()), len(value))
    return f"'{value}" if any(letter in _BEGINS_A_FORMULA for letter in value[: blanks + 1]) else value


def readable(value: Any) -> Any:
    """A value without the characters that end a text or cause errors in readers."""
    return value.translate(_UNREADABLE) if isinstance(value, str) else value


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as a CSV file (RFC 4180)."""
    lines = Lines()
    csv.writer(lines, lineterminator=LINE_ENDS).writerows([readable(cell(value)) for value in row] for row in rows)
    return lines.text()


class Lines:
    """The output of a csv.writer with the line terminator `LINE_ENDS`: it ends the rows with CRLF."""

    def __init__(self) -> None:
        self._rows: list[str] = []

    def write(self, row: str) -> int:
        """Append a row. A csv.writer writes one row at a time."""
        self._rows.append(f"{row.removesuffix(LINE_ENDS)}\r\n")
        return len(row)

    def text(self) -> str:
        """The rows as a file."""
        return "".join(self._rows)
