"""Gold tables whose columns another program has changed: each view shows what can be read, and says what can't."""

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from bi.columns import Kind, fitted
from bi.exports import as_csv
from bi.views import hourly_sales, top_products, user_sessions
from bi.views.showing import choices, total
from tests.bi.odd_columns import COLUMNS, drawn, gold_rows, of_one_kind, repeated

VIEWS = {
    "hourly_sales": hourly_sales.COLUMNS, "top_products": top_products.COLUMNS,
    "user_sessions": user_sessions.COLUMNS,
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_a_table_of_ours_is_read_without_a_note(name: str) -> None:
    plain = gold_rows(name)
    found = fitted(plain, VIEWS[name])
    assert found.notes == ()
    assert list(found.frame.columns) == plain.column_names
    assert [tuple(row) for row in found.frame.itertuples(index=False)] == [
        tuple(row) for row in plain.to_pandas().itertuples(index=False)
    ]


@pytest.mark.parametrize("kind", Kind)
def test_every_odd_column_is_read_or_empty_with_a_note(kind: Kind) -> None:
    for name, column in COLUMNS.items():
        found = fitted(pa.table({"x": column}), {"x": kind})
        values = found.frame["x"]
        empty = int(values.isna().sum()) - column.null_count
        assert len(values) == len(column), name
        assert found.notes or not empty, name
        assert values.isna().any() or not found.notes, (name, found.notes)
        assert all("`x`" in note for note in found.notes)
        as_csv(found.frame)


def test_what_is_readable_of_a_column_is_kept() -> None:
    def read(kind: Kind, column: str) -> list[object]:
        values = fitted(pa.table({"x": COLUMNS[column]}), {"x": kind}).frame["x"]
        return [None if pd.isna(value) else value for value in values]

    assert read(Kind.WHOLE, "large integers") == [2**63 - 1, -(2**63), 2**53 + 1, 0]
    assert read(Kind.WHOLE, "floats") == [None, None, None, None, None, 0, 7, None]
    assert read(Kind.MONEY, "floats") == [None, None, None, None, Decimal("1.50"), 0, Decimal("7.00"), None]
    assert read(Kind.MONEY, "long decimals") == [Decimal(10) ** 35, Decimal("-0.01"), None]
    assert read(Kind.TEXT, "bytes that are not UTF-8") == ["a\ufffd\ufffd", "\ufffd\ufffd\ufffd", "EUR"]
    assert read(Kind.TEXT, "small integers") == ["1", "0", "-1", None]
    assert read(Kind.FLAG, "booleans") == [True, False, None]
    for column in ("times", "times without a zone"):
        assert read(Kind.TIME, column) == [None, None, None, None, pd.Timestamp(0, tz="UTC"), None]
    assert [str(day) for day in read(Kind.DAY, "dates")] == ["None"] * 4 + ["1970-01-01", "None"]


def test_a_note_says_what_was_found_and_what_was_expected() -> None:
    odd = {name: repeated(COLUMNS[kind], 8) for name, kind in (("a", "lists"), ("b", "times"), ("c", "floats"))}
    found = fitted(
        pa.table(odd),
        {"a": Kind.WHOLE, "b": Kind.TIME, "c": Kind.MONEY, "d": Kind.TEXT},
    )
    assert found.notes == (
        "The column `a` has the type list<item: int64>; expected an integer.",
        "The column `b` has 6 values that are outside the years 1 to 9999.",
        "The column `c` has 4 values that are no amounts.",
        "The column `d` is missing.",
    )


def _draw(name: str, frame: pd.DataFrame) -> None:
    """Filter, draw and export each choice of a view's first filters."""
    currency = choices(frame["currency"])[0]
    if name == "hourly_sales":
        for period in hourly_sales.PERIODS:
            shown = hourly_sales.filtered(frame, currency, period, choices(frame["category"])[:2])
            if shown["hour"].notna().any():
                hourly_sales.chart(shown[shown["hour"].notna()], currency).to_dict()
    elif name == "top_products":
        shown = top_products.filtered(frame, choices(frame["day"])[0], currency, 10)
        top_products.chart(shown, currency).to_dict()
    else:
        for outcome in user_sessions.OUTCOMES:
            shown = user_sessions.filtered(frame, currency, outcome, choices(frame["device"])[:1], [])
            user_sessions.chart(shown).to_dict()
    for column in frame:
        if VIEWS[name][str(column)] in (Kind.WHOLE, Kind.MONEY):
            total(frame[column])
    as_csv(shown)


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("kind", COLUMNS)
def test_a_view_filters_draws_and_exports_columns_of_one_kind(name: str, kind: str) -> None:
    _draw(name, fitted(of_one_kind(name, kind), VIEWS[name]).frame)


@pytest.mark.parametrize("name", VIEWS)
def test_tables_with_columns_drawn_at_random_are_read(name: str) -> None:
    for number in range(100):
        marks, table = drawn(name, number)
        found = fitted(table, VIEWS[name])
        assert list(found.frame.columns) == list(VIEWS[name]), marks
        assert len(found.frame) == len(table), marks
        _draw(name, found.frame)
