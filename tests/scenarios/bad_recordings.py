"""Files that are no recordings, each with what is wrong with it; and files of other formats, made of CSV."""

import csv
import gzip
import io

import orjson
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from controlplane.scenarios.generator.document import READY, Columns
from tests.scenarios.recorded import GOOD, HEADER

REES46 = READY["rees46"]
STRICT = REES46.model_copy(update={"leave_out": False})


def parquet(body: bytes) -> bytes:
    """A CSV file as Parquet."""
    table = pacsv.read_csv(io.BytesIO(body))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def ndjson(body: bytes) -> bytes:
    """A CSV file as NDJSON."""
    return b"".join(orjson.dumps(row) + b"\n" for row in csv.DictReader(io.StringIO(body.decode())))


def _row(number: int, column: str, value: str) -> bytes:
    """The file with one field changed; rows are counted from 1, without the header."""
    lines = GOOD.decode().splitlines()
    fields = lines[number].split(",")
    fields[HEADER.index(column)] = value
    lines[number] = ",".join(fields)
    return ("\n".join(lines) + "\n").encode()


def _line_of(number: int) -> int:
    """Rows whose category has commas of its own are no good for `_row`."""
    lines = GOOD.decode().splitlines()
    return next(n for n in range(number, 30) if lines[n].count(",") == 8)


R = _line_of(12)
# (name, file, mapping, the row that is wrong, its column, what is said of it)
BAD: list[tuple[str, bytes, Columns, int | None, str, str]] = [
    ("empty", b"", REES46, None, "", "empty"),
    ("only blanks", b"  \n \n", REES46, None, "", "empty"),
    ("only a header", GOOD.splitlines()[0] + b"\n", REES46, None, "", "no events"),
    ("wrong columns", b"a,b\n1,2\n", REES46, None, "", "The file has the columns: a, b."),
    ("wrong mapping", GOOD, READY["events"], None, "", "category_code"),
    ("no price column", GOOD.replace(b"price", b"cost", 1), REES46, None, "", "Missing column price"),
    ("a column twice", GOOD.replace(b"brand", b"price", 1), REES46, None, "price", "duplicate column"),
    ("no time", _row(R, "event_time", "yesterday"), REES46, R, "event_time", "invalid timestamp 'yesterday'"),
    ("30 February", _row(R, "event_time", "2019-02-30 10:00:00 UTC"), REES46, R, "event_time",
     "invalid timestamp '2019-02-30 10:00:00 UTC'"),
    ("no number", _row(R, "price", "cheap"), REES46, R, "price", "invalid number 'cheap'"),
    ("infinite price", _row(R, "price", "inf"), REES46, R, "price", "invalid number 'inf'"),
    ("negative price", _row(R, "price", "-5"), STRICT, R, "price", "invalid price '-5'"),
    ("unknown type", _row(R, "event_type", "wishlist"), STRICT, R, "event_type", "'wishlist' is not an event type"),
    ("no user", _row(R, "user_id", ""), STRICT, R, "user_id", "is empty"),
    ("odd user", _row(R, "user_id", "a b"), STRICT, R, "user_id", "invalid identifier 'a b'"),
    ("Latin-1", _row(R, "category_code", "caf?").replace(b"caf?", b"caf\xe9"), REES46, R, "category_code", "0xe9"),
    ("UTF-16", GOOD.decode().encode("utf-16"), REES46, None, "", "UTF-16"),
    ("cut within a row", GOOD[:-60], REES46, 30, "", "fields instead of 9"),
    ("gzip cut in half", gzip.compress(GOOD)[:-200], REES46, None, "", "truncated"),
    ("gzip damaged", gzip.compress(GOOD)[:60] + b"xx" + gzip.compress(GOOD)[62:], REES46, None, "", "damaged"),
    ("packed twice", gzip.compress(gzip.compress(GOOD)), REES46, None, "", "compressed twice"),
    ("a ZIP", b"PK\x03\x04" + GOOD, REES46, None, "", "ZIP"),
    ("parquet cut in half", parquet(GOOD)[:-300], REES46, None, "", "truncated"),
    ("parquet damaged", b"PAR1" + b"\x00" * 64 + b"PAR1", REES46, None, "", "can't be read"),
    ("parquet with other columns", parquet(b"a,b\n1,2\n"), REES46, None, "", "The file has the columns: a, b."),
    ("a JSON list", b'[{"a": 1}]', REES46, None, "", "one object per line"),
    ("ndjson cut in half", ndjson(GOOD)[:-30], REES46, 30, "", "truncated"),
    ("ndjson with other names", b'{"a": 1}\n', REES46, 1, "", "The file has the columns: a."),
    ("ndjson with a list inside", ndjson(GOOD).replace(b'"price":"', b'"price":[],"was":"'), REES46,
     None, "price", "array or object"),
]  # fmt: skip
