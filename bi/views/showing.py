"""Common elements of every view: the table of filtered rows, and the download of the same rows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from bi.exports import as_csv
from bi.lake import Published

ACCENT = "#066fd1"


def choices(column: "pd.Series[Any]") -> list[str]:
    """The distinct values of a column, sorted."""
    return sorted(column.dropna().unique().tolist())


def total(money: "pd.Series[Any]") -> Decimal:
    """The exact sum of a column of decimals."""
    return sum(money, Decimal("0.00"))


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
