"""A first look into a file: what kind it is, its columns, and how its rows begin. Only the beginning is read."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from controlplane.scenarios.generator.recording.csvfile import header_of
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.formats import LONGEST_LINE, Batch, batches, kind_of, row_object
from controlplane.scenarios.generator.recording.mapping import NEEDED
from controlplane.scenarios.generator.recording.proposing import MOST_WORDS, Look, Rows
from controlplane.scenarios.generator.recording.unpacking import GZIP, MOST_TIMES_LARGER, unpack, unpack_beginning

ROWS, MOST_COLUMNS, LONGEST_NAME = 5, 200, 200
# Rows of every kind of event come within so many.
_LOOKED_AT = 200_000
_LINES = 50
_MOST_PACKED_PARQUET = 4 << 20
_SHOWN = 200


@contextmanager
def opened(file: Path) -> Iterator[tuple[Path, bool]]:
    """(a path to the unpacked beginning of a file, whether it was packed). Parquet is there whole: its end says what it
    holds.

    Raises:
        RecordingError: it can't be unpacked.
    """
    with file.open("rb") as begins:
        packed = begins.read(2) == GZIP
    if not packed:
        yield file, False
        return
    with tempfile.TemporaryDirectory(prefix="recording-") as folder:
        path = Path(folder) / "begins"
        with path.open("wb") as out:
            unpack_beginning(file, out)
        with path.open("rb") as begins:
            parquet = begins.read(4) == b"PAR1"
        if parquet:
            if file.stat().st_size > _MOST_PACKED_PARQUET:
                raise RecordingError("The file is Parquet packed with gzip.", "It is packed by itself: send it so.")
            with path.open("wb") as out:
                unpack(file, out, MOST_TIMES_LARGER * _MOST_PACKED_PARQUET)
        yield path, True


def look(file: Path) -> Look:
    """What a file begins with.

    Raises:
        RecordingError: it is empty, damaged, or no file that events could be in.
    """
    with opened(file) as (path, packed):
        kind = kind_of(path)
        columns, rows = {"csv": _csv, "ndjson": _ndjson, "parquet": _parquet}[kind](path)
        _check(columns)
        first = rows()
    shown = [[value and value.replace("\0", "\ufffd")[:_SHOWN] for value in row] for row in first]
    return Look(kind, packed, columns, shown)


def _check(columns: list[str]) -> None:
    if any("\0" in name for name in columns):
        raise RecordingError("A column's name holds a NUL byte.", "Rename it.")
    names = [name for name in columns if name]
    if len(names) > MOST_COLUMNS:
        raise RecordingError(f"The file has {len(names):,} columns: {MOST_COLUMNS} at most.", "Send those of events.")
    longest = max(names, key=len, default="")
    if len(longest) > LONGEST_NAME:
        raise RecordingError(
            f"The name of column {longest[:40]}… has {len(longest):,} characters: {LONGEST_NAME} at most.", "Rename it."
        )
    if len(names) < len(NEEDED):
        raise RecordingError(
            f"An event has a time, a type and a user; the file has only {', '.join(names)[:200] or 'no columns'}.",
            "Send CSV with a header, NDJSON or Parquet, with a column for each.",
        )


def words(file: Path, column: str) -> list[str]:
    """The unlike words of a column near the beginning, the frequent ones first.

    Raises:
        RecordingError: the column can't be read.
    """
    with opened(file) as (path, _):
        read, found = 0, list[pa.Array]()
        try:
            for batch in batches(path, [column], [column]):
                found.append(pc.utf8_trim_whitespace(batch.columns[column]))
                read += len(batch)
                if read > _LOOKED_AT:
                    break
        except RecordingError:
            # Further on something is wrong, which reading the whole file will say.
            if not found:
                raise
    counts = [] if not found else pc.value_counts(pa.chunked_array(found)).to_pylist()
    said = sorted(counts, key=lambda row: (-row["counts"], str(row["values"])))
    return [row["values"][:200] for row in said if row["values"]][:MOST_WORDS]


def _csv(path: Path) -> tuple[list[str], Callable[[], Rows]]:
    columns, _ = header_of(path)
    once = [name for name, times in Counter(columns).items() if name and times == 1]
    return columns, lambda: _first_rows(path, once, columns)


def _parquet(path: Path) -> tuple[list[str], Callable[[], Rows]]:
    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow
    except MemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0][:200]
        raise RecordingError(f"The Parquet file can't be read ({said}).", "Write it again.") from None
    flat = [name for name in there.names if not pa.types.is_nested(there.field(name).type)]
    return flat, lambda: _first_rows(path, flat, flat)


def _first_rows(path: Path, wanted: list[str], columns: list[str]) -> Rows:
    first: Batch | None = next(batches(path, wanted, []), None) if wanted else None
    if first is None:
        return []
    shown = {name: first.columns[name][:ROWS].to_pylist() for name in wanted}
    blank: list[str | None] = [None] * min(ROWS, len(first))
    return [list(row) for row in zip(*(shown.get(name, blank) for name in columns), strict=True)]


def _ndjson(path: Path) -> tuple[list[str], Callable[[], Rows]]:
    events = []
    with path.open("rb") as file:
        for number in range(1, _LINES + 1):
            line = file.readline(LONGEST_LINE + 1)
            if not line:
                break
            events.append(row_object(line, number))
    columns = list(dict.fromkeys(name for event in events for name in event))
    return columns, lambda: [[_shown(event.get(name)) for name in columns] for event in events[:ROWS]]


def _shown(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
