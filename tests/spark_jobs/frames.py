"""Comparing whole DataFrames."""

from typing import Any

from pyspark.sql import DataFrame


def rows_of(frame: DataFrame, *order: str) -> list[dict[str, Any]]:
    """All rows as dictionaries, sorted by these columns."""
    return [row.asDict() for row in frame.orderBy(*order).collect()]


def types_of(frame: DataFrame) -> list[tuple[str, str]]:
    """The columns' names and types, as a table's schema states them."""
    return [(name, kind.upper()) for name, kind in frame.dtypes]
