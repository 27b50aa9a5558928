"""CSV files for people: the one place where they are written.

Spreadsheets run a cell that begins with one of `= + - @`, a tab or a carriage return as a formula (OWASP, CSV
Injection), and the text of an event is anybody's. Such a text gets a single quote in front, which spreadsheets show as
text. Only text is changed: a column of numbers keeps its negative numbers as numbers. In a column of text, which holds
names and identifiers, the text "-5" becomes "'-5".
"""

from typing import Any

import pandas as pd

# The full-width forms count as their ASCII characters where a spreadsheet normalises what it opens.
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def cell(value: Any) -> Any:
    """A value as it stands in a CSV file: a text that a spreadsheet would run begins with a single quote."""
    if not isinstance(value, str):
        return value
    # Spreadsheets ignore blanks at the beginning, also those that are no spaces or have no width.
    blanks = next((n for n, letter in enumerate(value) if letter.isprintable() and not letter.isspace()), len(value))
    return f"'{value}" if any(letter in _BEGINS_A_FORMULA for letter in value[: blanks + 1]) else value


def as_csv(shown: pd.DataFrame) -> bytes:
    """The rows as a file: money to the cent, times in ISO 8601 with their zone, text without formulas."""
    safe = shown.rename(columns=cell)
    for number, kind in enumerate(safe.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            safe.isetitem(number, safe.iloc[:, number].map(cell))
    # RFC 4180. A text with a line break, also with a lone carriage return, is quoted because of it: no row ends there.
    text: str = safe.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z", lineterminator="\r\n")
    return text.encode()
