"""Reading CSV, NDJSON and Parquet alike: batches of text columns, each with the number of its first row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from controlplane.scenarios.generator.recording.csvfile import csv_batches, decoded
from controlplane.scenarios.generator.recording.errors import RecordingError, columns_missing
from controlplane.scenarios.generator.recording.unpacking import GZIP

ROWS = 1 << 16
LONGEST_LINE = 1 << 20
_OTHERS = {
    b"PK\x03\x04": "a ZIP file", b"\x28\xb5\x2f\xfd": "packed with zstd", b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz", GZIP: "packed twice", b"Obj\x01": "an Avro file", b"ORC": "an ORC file",
    b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
}  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Rows from `first` on (counted from 1): a text column for each name, null where there is nothing."""

    first: int
    columns: dict[str, pa.StringArray]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def kind_of(path: Path) -> str:
    """`parquet`, `ndjson` or `csv`, by what the (unpacked) file begins with.

    Raises:
        RecordingError: it is empty or something else.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(path.stat().st_size - 4, 0))
        tail = file.read(4)
    said = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not said:
        raise RecordingError("The file is empty.", "Send one with events.")
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise RecordingError(f"The file is {name}.", "Send CSV, NDJSON or Parquet, as it is or packed with gzip.")
    if head.startswith(b"PAR1"):
        if tail != b"PAR1":
            raise RecordingError("The Parquet file is cut off: its end is missing.", "Send the whole file.")
        return "parquet"
    if said.startswith(b"["):
        raise RecordingError("The file is one JSON list.", "Write one object a line (NDJSON): jq -c '.[]' does it.")
    return "ndjson" if said.startswith(b"{") else "csv"


def batches(path: Path, wanted: Sequence[str], needed: Sequence[str]) -> Iterator[Batch]:
    """The wanted columns of a file, row by row.

    Args:
        needed: of the wanted, those without which there is no event.

    Raises:
        RecordingError: a needed column is missing, or the file can't be read: says where.
    """
    kind = kind_of(path)
    if kind == "csv":
        for first, columns in csv_batches(path, wanted):
            yield Batch(first, columns)
    else:
        yield from (_ndjson if kind == "ndjson" else _parquet)(path, wanted, needed)


def _ndjson(path: Path, wanted: Sequence[str], needed: Sequence[str]) -> Iterator[Batch]:
    rows: dict[str, list[str | None]] = {name: [] for name in wanted}
    first = number = 1
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            event = row_object(line, number)
            if number == 1:
                missing = [name for name in needed if name not in event]
                if missing:
                    raise columns_missing(missing, list(event), row=1)
            for name, values in rows.items():
                values.append(_text(event.get(name), number, name))
            number += 1
            if number - first == ROWS:
                yield Batch(first, {name: pa.array(values, pa.string()) for name, values in rows.items()})
                first, rows = number, {name: [] for name in wanted}
    if number > first:
        yield Batch(first, {name: pa.array(values, pa.string()) for name, values in rows.items()})


def row_object(line: bytes, number: int) -> dict[str, Any]:
    """A line of NDJSON.

    Raises:
        RecordingError: it is no object, or too long.
    """
    if len(line) > LONGEST_LINE:
        raise RecordingError(f"the line is longer than {LONGEST_LINE:,} bytes.", "Take it out.", row=number)
    line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        decoded(line, number, "")
        cut = "" if line.endswith(b"\n") else " The file ends within it: it may have been cut off."
        raise RecordingError(f"no JSON object ({error}).{cut}", "Mend the line.", row=number) from None
    if not isinstance(event, dict):
        raise RecordingError("no JSON object.", "Write one object a line.", row=number)
    return event


def _text(value: Any, row: int, column: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise RecordingError("holds a list or an object.", "Map a column of plain values.", row=row, column=column)


def _parquet(path: Path, wanted: Sequence[str], needed: Sequence[str]) -> Iterator[Batch]:
    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow
            missing = [name for name in wanted if name not in there.names]
            if missing:
                raise columns_missing(missing, there.names)
            for name in wanted:
                if pa.types.is_nested(there.field(name).type):
                    raise RecordingError("holds lists or objects.", "Map a column of plain values.", column=name)
            first = 1
            for batch in file.iter_batches(batch_size=ROWS, columns=list(wanted), use_threads=False):
                if len(batch):
                    yield Batch(first, {name: _plain(batch.column(name), first, name) for name in wanted})
                first += len(batch)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0][:200]
        raise RecordingError(f"The Parquet file can't be read ({said}).", "Write it again.") from None


def _plain(column: pa.Array, first: int, name: str) -> pa.StringArray:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array(
            [None if value is None else decoded(value, first + n, name) for n, value in enumerate(column.to_pylist())],
            pa.string(),
        )
    text = column.cast(pa.string())
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        for n, value in enumerate(text.cast(pa.binary()).to_pylist()):
            if value is not None:
                decoded(value, first + n, name)
    return text
