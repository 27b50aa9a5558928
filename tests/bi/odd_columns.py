"""Columns as other programs may have written them: other types, nulls, and values that no view expects."""

import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.bi.gold_rows import ROWS

SEED = 20261130
# The ends of 64 bits, and microseconds just before the year 1 and just after the year 9999.
_TIMES = (2**62, -(2**62), -62_135_596_800_000_001, 253_402_300_800_000_000, 0, None)


def _utf8(*values: bytes) -> pa.Array:
    """Strings without a check that they are UTF-8, as a Parquet file may have them."""
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())


# A few values of each; a column repeats them.
COLUMNS: dict[str, pa.Array] = {
    "nulls of a string": pa.array([None], pa.string()),
    "nulls of an integer": pa.array([None], pa.int64()),
    "nulls of a decimal": pa.array([None], pa.decimal128(18, 2)),
    "nulls of a time": pa.array([None], pa.timestamp("us", tz="UTC")),
    "nulls of a date": pa.array([None], pa.date32()),
    "nulls of a boolean": pa.array([None], pa.bool_()),
    "strings": pa.array(["", " ", "x" * 20_000, "\x00", "\u202e日本", "![x](//evil.example)", "$x$ :red[x]", None]),
    "bytes that are not UTF-8": _utf8(b"a\xff\xfe", b"\xed\xa0\x80", b"EUR"),
    "numbers as strings": pa.array(["1", "NaN", "1e999", None]),
    "small integers": pa.array([1, 0, -1, None], pa.int32()),
    "large integers": pa.array([2**63 - 1, -(2**63), 2**53 + 1, 0], pa.int64()),
    "zeros": pa.array([0], pa.int64()),
    "floats": pa.array([float("nan"), float("inf"), -float("inf"), 1e300, 1.5, -0.0, 7.0, None], pa.float64()),
    "small floats": pa.array([float("nan"), 19.99, None], pa.float32()),
    "long decimals": pa.array([Decimal(10) ** 35, Decimal("-0.01"), None], pa.decimal128(38, 2)),
    "fine decimals": pa.array([Decimal("0.0000000001"), None], pa.decimal128(38, 10)),
    "booleans": pa.array([True, False, None]),
    "dates": pa.array([2**31 - 1, -(2**31), -719_163, 2_932_897, 0, None], pa.int32()).cast(pa.date32()),
    "times": pa.array(_TIMES, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
    "times without a zone": pa.array(_TIMES, pa.int64()).cast(pa.timestamp("us")),
    "times of a day": pa.array([0, 86_399_999_999, None], pa.time64("us")),
    "bytes": pa.array([b"", b"\x00\xff", None], pa.binary()),
    "lists": pa.array([[1], [], None], pa.list_(pa.int64())),
    "structs": pa.array([{"a": 1}, None], pa.struct([("a", pa.int64())])),
    "maps": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
}


def repeated(column: pa.Array, rows: int) -> pa.Array:
    return column.take(pa.array([number % len(column) for number in range(rows)]))


def gold_rows(name: str) -> pa.Table:
    """The rows of the usual small table."""
    schema, rows = ROWS[name]
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def of_one_kind(name: str, kind: str, rows: int = 9) -> pa.Table:
    """A table in which every column is of one odd kind."""
    return pa.table({column: repeated(COLUMNS[kind], rows) for column in ROWS[name][0].names})


def drawn(name: str, number: int) -> tuple[str, pa.Table]:
    """A table with some odd and some missing columns, and what was drawn for it, from a printed seed."""
    source = random.Random(f"{SEED} {name} {number}")
    print(f"seed {SEED} {name} {number}")
    plain = gold_rows(name)
    rows = len(plain)
    columns: dict[str, Any] = {column: plain.column(column) for column in plain.column_names}
    marks = []
    for column in source.sample(plain.column_names, source.randint(1, 4)):
        kind = source.choice((*COLUMNS, "missing"))
        marks.append(f"{column}: {kind}")
        if kind == "missing":
            del columns[column]
        else:
            columns[column] = repeated(COLUMNS[kind], rows)
    return ", ".join(marks), pa.table(columns)
