"""What every view does with the rows it has filtered: a table of them, and the same rows as a file."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from bi.exports import as_csv
from bi.lake import Published

ACCENT = "#066fd1"


def choices(column: "pd.Series[Any]") -> list[str]:
    """The values of a column to choose from, in order."""
    return sorted(column.dropna().unique().tolist())


def total(money: "pd.Series[Any]") -> Decimal:
    """The exact sum of a column of decimals."""
    return sum(money, Decimal("0.00"))


def table(shown: pd.DataFrame, of: Published, columns: Mapping[str, Any]) -> None:
    """The rows that the filters leave, and a button that saves exactly these."""
    st.dataframe(shown, column_config=columns, hide_index=True, width="stretch")
    st.download_button(
        f"Download these {len(shown):,} rows (CSV)",
        as_csv(shown),
        file_name=f"{of.table}-{of.snapshot_id}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def no_rows(frame: pd.DataFrame) -> bool:
    """Say why there is nothing to show, if so."""
    if frame.empty:
        st.info("The table is published, and it is empty: no event that belongs here has reached silver yet.")
    return bool(frame.empty)


def nothing_left(shown: pd.DataFrame) -> bool:
    """Say that the filters leave nothing, if so."""
    if shown.empty:
        st.info("No rows match these filters.", icon=":material/filter_alt_off:")
    return bool(shown.empty)
