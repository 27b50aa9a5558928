"""CSV files of the dashboards. `bi.csv_cells` says what a cell holds."""

import pandas as pd

from bi.csv_cells import LINE_ENDS, Lines, readable
from bi.csv_cells import cell as cell


def as_csv(shown: pd.DataFrame) -> bytes:
    """The rows as a CSV file: exact money, times in ISO 8601 with a time zone, text without formulas."""
    safe = shown.rename(columns=lambda name: readable(cell(name)))
    for number, kind in enumerate(safe.dtypes):
        if pd.api.types.is_datetime64_any_dtype(kind) and (safe.iloc[:, number].dt.year < 1000).any():
            # strftime does not pad the year.
            safe.isetitem(number, safe.iloc[:, number].map(_moment, na_action="ignore"))
        elif not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            safe.isetitem(number, safe.iloc[:, number].map(lambda value: readable(cell(value))))
    lines = Lines()
    safe.to_csv(lines, index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z", lineterminator=LINE_ENDS)
    return lines.text().encode()


def _moment(time: pd.Timestamp) -> str:
    return f"{time.year:04}{time.strftime('-%m-%dT%H:%M:%S.%f%z')}"
