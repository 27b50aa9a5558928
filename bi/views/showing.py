"""Common elements of every view: the table of filtered rows, and the download of the same rows."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext
from typing import Any

import pandas as pd
import streamlit as st

from bi.columns import Kind
from bi.exports import as_csv
from bi.lake import Published, rows
from bi.places import places
from bi.trust import plain

ACCENT = "#066fd1"


# A filter's option for the rows without a value.
EMPTY = "(empty)"


def loaded(of: Published, columns: Mapping[str, Kind]) -> pd.DataFrame:
    """The rows of the table, with a message about the columns that could not be read."""
    found = rows(of, columns)
    if found.notes:
        runs = f"{places().public_url}/runs/"
        st.warning(
            f"{' '.join(plain(note) for note in found.notes)} What can't be read is shown empty. Trigger the DAG "
            f"`medallion` on [Runs]({runs}): it adds missing columns and builds the rows again. A column of another "
            "type stays: drop the table in Spark first.",
            icon=":material/warning:",
        )
    return found.frame


def labels(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """The values of a column as options of a filter: strings, and `EMPTY` for nulls and empty strings."""
    return column.map(lambda value: EMPTY if pd.isna(value) or value == "" else str(value)).astype(object)


def choices(column: "pd.Series[Any]") -> list[str]:
    """The distinct options of a filter for a column, sorted, with `EMPTY` last."""
    return sorted(labels(column).unique().tolist(), key=lambda label: (label == EMPTY, label))


def is_in(column: "pd.Series[Any]", chosen: Iterable[str | None]) -> "pd.Series[bool]":
    """Whether a row has one of the chosen options."""
    return labels(column).isin(list(chosen))


def total(money: "pd.Series[Any]") -> Decimal:
    """The exact sum of a column of decimals, without the rows that have none."""
    with localcontext(prec=100):
        return sum(money.dropna(), Decimal("0.00"))


def count(numbers: "pd.Series[Any]") -> int:
    """The exact sum of a column of integers, also beyond 64 bits, without the rows that have none."""
    return sum(int(number) for number in numbers.dropna())


def left_out(shown: pd.DataFrame, columns: Mapping[str, str]) -> None:
    """Say how many rows have no value in a column that is summed or averaged; the keys are the labels."""
    missing = {label: int(shown[name].isna().sum()) for label, name in columns.items()}
    parts = [f"{number:,} without {label}" for label, number in missing.items() if number]
    if parts:
        st.caption(f"The figures leave out rows that have no value: {', '.join(parts)}.")


def table(shown: pd.DataFrame, of: Published, columns: Mapping[str, Any]) -> None:
    """The filtered rows, and a button that downloads exactly these."""
    st.dataframe(shown, column_config=columns, hide_index=True, width="stretch")
    st.download_button(
        f"Download {len(shown):,} rows (CSV)",
        as_csv(shown),
        file_name=f"{of.table}-{of.snapshot_id}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def no_rows(frame: pd.DataFrame) -> bool:
    """Show a message if the table is empty; returns whether it is."""
    if frame.empty:
        st.info("The table is published but empty: no relevant events have reached silver yet.")
    return bool(frame.empty)


def nothing_left(shown: pd.DataFrame) -> bool:
    """Show a message if no rows match the filters; returns whether this is so."""
    if shown.empty:
        st.info("No rows match these filters.", icon=":material/filter_alt_off:")
    return bool(shown.empty)
