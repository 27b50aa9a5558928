"""The columns that a view needs, read from a table of any shape.

The table may have been changed by someone else: a column can be missing or have another type, and a value can be no
number or no time of the calendar. Such a column or value is empty, and a note says so.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# Times in this range are valid in every time zone, and so is an hour before and after them.
FIRST = datetime(1, 1, 3, tzinfo=UTC)
LAST = datetime(9999, 12, 29, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = pa.timestamp("us", tz="UTC")
_MONEY = pa.decimal128(38, 2)
# pandas has no nulls in its plain types: a column with nulls gets one that has, and keeps its exact values.
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class Kind(Enum):
    """What a column holds. The value is the name of the kind in notes."""

    TEXT = "a string"
    WHOLE = "an integer"
    MONEY = "a decimal"
    TIME = "a timestamp"
    DAY = "a date"
    FLAG = "a boolean"


@dataclass(frozen=True)
class Loaded:
    """The columns of a view, in its order. `notes` says what is empty because it could not be read."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def fitted(found: pa.Table, columns: Mapping[str, Kind]) -> Loaded:
    """The columns in the types that a view expects: strings, integers, decimals, UTC times, dates and booleans."""
    notes: list[str] = []
    series: dict[str, pd.Series[Any]] = {}
    for name, kind in columns.items():
        if name in found.column_names:
            read, note = _read(found.column(name), kind)
        else:
            read, note = pa.nulls(len(found), _TYPES[kind]), "is missing"
        if note:
            notes.append(f"The column `{name}` {note}.")
        series[name] = _as_series(read, name)
    return Loaded(pd.DataFrame(series, index=pd.RangeIndex(len(found))), tuple(notes))


def _as_series(column: pa.ChunkedArray | pa.Array, name: str) -> "pd.Series[Any]":
    types = _NULLABLE.get if column.null_count else None
    return pd.Series(column.to_pandas(types_mapper=types), name=name)


def _read(column: pa.ChunkedArray, kind: Kind) -> tuple[pa.ChunkedArray | pa.Array, str]:
    """The column in the type of its kind, and what is wrong with it."""
    try:
        read = _READERS[kind](column)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        return pa.nulls(len(column), _TYPES[kind]), f"can't be read: {str(error).splitlines()[0][:200]}"
    if read is None:
        wrong = f"has the type {str(column.type)[:80]}; expected {kind.value}"
        return pa.nulls(len(column), _TYPES[kind]), wrong
    lost = read.null_count - column.null_count
    if lost:
        values = f"{lost:,} value{'' if lost == 1 else 's'}"
        return read, f"has {values} that {_UNREADABLE.get(kind, 'can not be read')}"
    return read, ""


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.string())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return None
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:  # Parquet does not verify that a string is UTF-8
        raw = column.cast(pa.large_binary())
        return pa.chunked_array([[None if one is None else one.decode(errors="replace") for one in raw.to_pylist()]])
    return column


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    return _numbers(column, _as_whole, pa.int64())


def _money(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    return column if pa.types.is_decimal128(column.type) else _numbers(column, _as_money, _MONEY)


def _numbers(column: pa.ChunkedArray, convert: Callable[[Any], Any], kind: pa.DataType) -> pa.ChunkedArray | None:
    source = column.type
    if not (pa.types.is_integer(source) or pa.types.is_floating(source) or pa.types.is_decimal(source)):
        return None
    values = [None if one is None else convert(one) for one in column.to_pylist()]
    return pa.chunked_array([pa.array(values, kind)])


def _as_whole(value: Any) -> int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if value == int(value) and -(2**63) <= value < 2**63 else None


def _as_money(value: Any) -> Decimal | None:
    """An amount to the cent; None for NaN, the infinities and numbers of more than 25 digits."""
    try:
        amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return amount.quantize(Decimal("0.01")) if abs(amount) < Decimal(10) ** 25 else None
    except InvalidOperation:
        return None


def _time(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Times in UTC. A time without a zone is taken as UTC, which is how the pipeline writes them."""
    if not pa.types.is_timestamp(column.type):
        return None
    numbers = column.cast(pa.int64())
    if column.type.unit == "ns":
        numbers = pc.divide(numbers, 1000)
    first, last = (int((end - _EPOCH).total_seconds()) for end in (FIRST, LAST))
    per_second = {"s": 1, "ms": 1_000}.get(column.type.unit, 1_000_000)
    inside = _inside(numbers, first * per_second, last * per_second)
    return pc.multiply(inside, 1_000_000 // per_second).cast(_TIME)


def _day(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if not pa.types.is_date32(column.type):
        return None
    first, last = ((end - _EPOCH).days for end in (FIRST, LAST))
    return _inside(column.cast(pa.int32()), first, last).cast(pa.date32())


def _inside(numbers: pa.ChunkedArray, first: int, last: int) -> pa.ChunkedArray:
    """The numbers, with null for those that are not between the two."""
    inside = pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last))
    return pc.if_else(inside, numbers, pa.scalar(None, numbers.type))


def _flag(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    return column if pa.types.is_boolean(column.type) else None


_READERS: dict[Kind, Callable[[pa.ChunkedArray], pa.ChunkedArray | None]] = {
    Kind.TEXT: _text, Kind.WHOLE: _whole, Kind.MONEY: _money, Kind.TIME: _time, Kind.DAY: _day, Kind.FLAG: _flag,
}  # fmt: skip
_TYPES = {
    Kind.TEXT: pa.string(), Kind.WHOLE: pa.int64(), Kind.MONEY: _MONEY, Kind.TIME: _TIME, Kind.DAY: pa.date32(),
    Kind.FLAG: pa.bool_(),
}  # fmt: skip
_UNREADABLE = {
    Kind.WHOLE: "are no 64-bit integers",
    Kind.MONEY: "are no amounts",
    Kind.TIME: "are outside the years 1 to 9999",
    Kind.DAY: "are outside the years 1 to 9999",
}
