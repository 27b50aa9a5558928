"""CSV files of the dashboards. `controlplane.web.csv_cells` says what a cell holds."""

import pandas as pd

from controlplane.web.csv_cells import cell as cell


def as_csv(shown: pd.DataFrame) -> bytes:
    """The rows as a file: money to the cent, times in ISO 8601 with their zone, text without formulas."""
    safe = shown.rename(columns=cell)
    for number, kind in enumerate(safe.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            safe.isetitem(number, safe.iloc[:, number].map(cell))
    # RFC 4180. A text with a line break, also with a lone carriage return, is quoted because of it: no row ends there.
    text: str = safe.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z", lineterminator="\r\n")
    return text.encode()
