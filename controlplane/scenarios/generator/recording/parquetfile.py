"""Parquet: only the columns that a mapping names are read; the others may have any content.

Arrow's memory error is both a `MemoryError` and an `ArrowException`. It says nothing about the file, so it is passed on
to the reader process, which reports the memory limit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from controlplane.scenarios.generator.recording.batch import ROWS, Batch
from controlplane.scenarios.generator.recording.errors import RecordingError, columns_missing
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.lines import storable

_REMEDY = "Write the file again with zstd, snappy or gzip compression and without encryption."


def parquet_batches(path: Path, wanted: Sequence[str], needed: Sequence[str], findings: Findings) -> Iterator[Batch]:
    """The wanted columns as text.

    Raises:
        RecordingError: a column is missing, duplicated or not readable as text, or the file is damaged.
    """
    with _opened(path) as file:
        there = file.schema_arrow
        missing = [name for name in wanted if name not in there.names]
        if missing:
            raise columns_missing(missing, there.names)
        for name in wanted:
            if there.names.count(name) > 1:
                raise RecordingError("duplicate column.", "Rename one of the two.", column=name)
            if pa.types.is_nested(there.field(name).type):
                raise RecordingError("the column has nested values.", "Map a column of scalar values.", column=name)
        read = 0
        try:
            for part in file.iter_batches(batch_size=ROWS, columns=list(wanted), use_threads=False):
                if len(part):
                    yield _batch(part, wanted, read + 1, findings)
                read += len(part)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError) as error:
            column = next((name for name in wanted if not _is_readable(file, name)), "")
            what = "the column" if column else "The Parquet file"
            raise RecordingError(
                f"{what} can't be read after row {read:,} ({_first_line(error)}).", _REMEDY, column=column
            ) from None
        if read != file.metadata.num_rows:
            # Arrow skips pages of an unknown type.
            told = file.metadata.num_rows
            raise RecordingError(
                f"The Parquet file is damaged: its footer has {told:,} rows, but {read:,} can be read.", _REMEDY
            )


def parquet_begins(path: Path, count: int, most: int) -> tuple[list[str], list[list[str | None]]]:
    """(names of the columns that are not nested, the first rows). Columns after the first `most` are empty."""
    with _opened(path) as file:
        there = file.schema_arrow
        flat = [field.name for field in there if not pa.types.is_nested(field.type)]
        rows = min(count, file.metadata.num_rows)
        times = Counter(there.names)
        shown = [
            _sample(file, there.field(name).type, name, rows) if at < most and times[name] == 1 else [None] * rows
            for at, name in enumerate(flat)
        ]
    return flat, [list(row) for row in zip(*shown, strict=True)]


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        # Microseconds cover every valid year; nanoseconds end in 2262.
        file = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"The Parquet file can't be read ({_first_line(error)}).", _REMEDY) from None
    with file:
        if file.metadata.num_rows < 0:
            raise RecordingError(
                f"The Parquet file is damaged: its footer has {file.metadata.num_rows:,} rows.", _REMEDY
            )
        yield file


def _batch(part: pa.RecordBatch, wanted: Sequence[str], first: int, findings: Findings) -> Batch:
    numbers = np.arange(first, first + len(part))
    columns = {name: _as_text(part.column(part.schema.get_field_index(name)), name) for name in wanted}
    wrong = np.zeros(len(part), np.bool_)
    for name, column in columns.items():
        if (bad := _not_utf8(column)).any():
            at = int(np.flatnonzero(bad)[0])
            value: bytes = column[at].cast(pa.binary()).as_py()
            findings.add(
                "unicode", _explained(value), "Save the column as text in UTF-8.",
                rows=numbers[bad][:4].tolist(), column=name, count=int(bad.sum()),
            )  # fmt: skip
            wrong |= bad
    kept = pa.array(~wrong)
    return Batch(numbers[~wrong], {name: column.filter(kept).cast(pa.string()) for name, column in columns.items()})


def _as_text(column: pa.Array, name: str) -> pa.Array:
    """The column as bytes or text, not yet validated as UTF-8.

    Raises:
        RecordingError: its type can't be converted to text.
    """
    kind = column.type
    if isinstance(kind, pa.UuidType):
        named = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.array(named, pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        return _as_text(column.storage, name)
    if pa.types.is_dictionary(kind):
        return _as_text(column.dictionary_decode(), name)
    if pa.types.is_run_end_encoded(kind):
        return _as_text(pc.run_end_decode(column), name)
    if pa.types.is_timestamp(kind) and kind.tz:
        # Independent of time zone names, which a machine may lack.
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    try:
        binary = pa.types.is_fixed_size_binary(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        return column.cast(pa.binary() if binary or pa.types.is_binary_view(kind) else pa.string())
    except MemoryError:
        raise
    except pa.ArrowException as error:
        raise RecordingError(
            f"type {kind} can't be read as text ({_first_line(error)}).", "Map another column, or cast it.",
            column=name,
        ) from None  # fmt: skip


def _not_utf8(column: pa.Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    wrong = np.zeros(len(column), np.bool_)
    try:
        column.cast(pa.string()).validate(full=True)
    except pa.ArrowInvalid:
        for at, value in enumerate(column.cast(pa.binary()).to_pylist()):
            wrong[at] = value is not None and bool(_explained(value))
    return wrong


def _explained(value: bytes) -> str:
    """The first invalid UTF-8 byte; empty for valid UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} (0x{value[error.start]:02x}) is not valid UTF-8."
    return ""


def _sample(file: pq.ParquetFile, kind: pa.DataType, name: str, rows: int) -> list[str | None]:
    """The first values of a column for display, for any content."""
    nothing: list[str | None] = [None] * rows
    if not rows:
        return nothing
    try:
        part = next(file.iter_batches(batch_size=rows, columns=[name], use_threads=False), None)
        if part is None:
            return nothing
        column = _as_text(part.column(part.schema.get_field_index(name)), name).cast(pa.binary()).to_pylist()
    except (pa.ArrowException, RecordingError, OSError, MemoryError):
        return [f"({kind})"] * rows
    shown = [None if value is None else _shown(value) for value in column]
    return [*shown, *nothing][:rows]


def _shown(value: bytes) -> str:
    return f"0x{value[:100].hex()}" if _explained(value) else storable(value.decode()[:1000])


def _is_readable(file: pq.ParquetFile, name: str) -> bool:
    try:
        for _ in file.iter_batches(batch_size=ROWS, columns=[name], use_threads=False):
            pass
    except MemoryError:
        raise
    except (pa.ArrowException, OSError):
        return False
    return True


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
