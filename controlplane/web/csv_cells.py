"""CSV files for people: what a cell holds. Everything that writes CSV goes through `cell`.

Spreadsheets run a cell that begins with one of `= + - @`, a tab or a carriage return as a formula (OWASP, CSV
Injection), and the text of an event is anybody's. Such a text gets a single quote in front, which spreadsheets show as
text. Only text is changed: numbers stay numbers. The text "-5" becomes "'-5".
"""

import csv
import io
from collections.abc import Iterable
from typing import Any

# The full-width forms count as their ASCII characters where a spreadsheet normalises what it opens.
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def cell(value: Any) -> Any:
    """A value as it stands in a CSV file: a text that a spreadsheet would run begins with a single quote."""
    if not isinstance(value, str):
        return value
    # Spreadsheets ignore blanks at the beginning, also those that are no spaces or have no width.
    blanks = next((n for n, letter in enumerate(value) if letter.isprintable() and not letter.isspace()), len(value))
    return f"'{value}" if any(letter in _BEGINS_A_FORMULA for letter in value[: blanks + 1]) else value


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as lines of a CSV file (RFC 4180)."""
    text = io.StringIO(newline="")
    # A text with a line break, also with a lone carriage return, is quoted because of it: no row ends there.
    csv.writer(text, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
