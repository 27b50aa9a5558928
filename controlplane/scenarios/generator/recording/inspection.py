"""Inspects a file: its format, its columns and its first rows. Only the beginning is read."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from controlplane.scenarios.generator.recording.csvfile import csv_begins
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.formats import batches, kind_of
from controlplane.scenarios.generator.recording.lines import storable
from controlplane.scenarios.generator.recording.mapping import NEEDED
from controlplane.scenarios.generator.recording.ndjsonfile import ndjson_begins
from controlplane.scenarios.generator.recording.parquetfile import parquet_begins
from controlplane.scenarios.generator.recording.proposing import MOST_COLUMNS, MOST_WORDS, Look, Rows, is_known
from controlplane.scenarios.generator.recording.unpacking import GZIP, MOST_TIMES_LARGER, unpack, unpack_beginning

# Longer column names can't be mapped.
ROWS, LONGEST_NAME = 5, 200
# The number of rows to search for event types.
_LOOKED_AT = 200_000
_MOST_PACKED_PARQUET = 4 << 20
_SHOWN = 200
# What a message shows of the first line.
_SHOWN_NAMES, _SHOWN_NAME = 4, 40
# ISO 8601, a date with the day or the month first, or a number of seconds or smaller units since 1970.
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}( .*)?|\d{9,19}(\.\d+)?")


@contextmanager
def opened(file: Path) -> Iterator[tuple[Path, bool]]:
    """(a path to the decompressed beginning of a file, whether it was compressed). Parquet is decompressed completely,
    because its footer describes its content.

    Raises:
        RecordingError: it can't be decompressed.
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
                raise RecordingError(
                    "The file is gzip-compressed Parquet.",
                    "Parquet has its own compression. Upload the file without gzip.",
                )
            with path.open("wb") as out:
                unpack(file, out, MOST_TIMES_LARGER * _MOST_PACKED_PARQUET)
        yield path, True


def look(file: Path) -> Look:
    """The format, columns and first rows of a file. Of many columns, those with known names are kept, then the first
    ones. Columns that no mapping can name (no name, a too long name, or nested in Parquet) are excluded.

    Raises:
        RecordingError: it is empty, damaged or not a file of events.
    """
    with opened(file) as (path, packed):
        kind = kind_of(path)
        if kind == "parquet":
            columns, rows = parquet_begins(path, ROWS, MOST_COLUMNS)
        else:
            columns, rows = (csv_begins if kind == "csv" else ndjson_begins)(path, ROWS)
    if kind == "csv":
        _refuse_data_as_names(columns, rows)
    names = [name for name in columns if name]
    if len(names) < len(NEEDED):
        there = f"the file has only {', '.join(names)[:200]}" if names else "the file has no columns"
        raise RecordingError(
            f"Events need a timestamp, a type and a user; {there}.",
            "Upload CSV with a header, NDJSON or Parquet, with a column for each.",
        )
    return _kept(kind, packed, columns, rows)


def _refuse_data_as_names(names: list[str], rows: Rows) -> None:
    """Reject a CSV file without a header: its first line has a time where the other lines have one."""
    if any(is_known(name) for name in names):
        return
    for number, name in enumerate(names):
        if _TIME.fullmatch(name) and all(_TIME.fullmatch((row[number] or "").strip()) for row in rows):
            shown = [*(one[:_SHOWN_NAME] for one in names[:_SHOWN_NAMES]), *["…"][: len(names) > _SHOWN_NAMES]]
            raise RecordingError(
                f"The file has no header: its first line is data ({', '.join(shown)}).",
                "Add a first line with the name of each column, such as event_time,event_type,user_id, and upload the "
                "file again.",
            )


def _kept(kind: str, packed: bool, columns: list[str], rows: Rows) -> Look:
    usable = [name for name in dict.fromkeys(columns) if name and len(name) <= LONGEST_NAME and storable(name) == name]
    known = [name for name in usable if is_known(name)]
    kept = set([*known, *usable][:MOST_COLUMNS])
    names = [name for name in usable if name in kept]
    # Two columns with the same name are ambiguous, so neither is shown.
    places = [columns.index(name) if columns.count(name) == 1 else None for name in names]
    shown = [[None if at is None else _shown(row[at]) for at in places] for row in rows]
    return Look(kind, packed, names, shown)


def _shown(value: str | None) -> str | None:
    return value and storable(value)[:_SHOWN]


def words(file: Path, column: str) -> list[str]:
    """The distinct values of a column among the first rows, most frequent first.

    Raises:
        RecordingError: the column can't be read.
    """
    findings, read, found = Findings(), 0, list[pa.Array]()
    with opened(file) as (path, _):
        try:
            for batch in batches(path, [column], [column], findings):
                found.append(pc.utf8_trim_whitespace(batch.columns[column]))
                read += len(batch)
                if read > _LOOKED_AT or findings.enough:
                    break
        except RecordingError:
            # A later row is invalid, which the import reports.
            if not found:
                raise
    if not read:
        findings.end()
    counts = [] if not found else pc.value_counts(pa.chunked_array(found)).to_pylist()
    said = sorted(counts, key=lambda row: (-row["counts"], str(row["values"])))
    return [row["values"][:200] for row in said if row["values"]][:MOST_WORDS]
