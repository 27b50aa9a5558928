"""Converts a file to events sorted by time, with a summary. All or nothing."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from controlplane.scenarios.generator.document import Columns
from controlplane.scenarios.generator.document.scenario import MAX_SPAN_DAYS
from controlplane.scenarios.generator.document.source import PROFILE_PARTS
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.recording.batch import Batch
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.formats import batches
from controlplane.scenarios.generator.recording.mapping import SCHEMA, Mapper, columns_of
from controlplane.scenarios.generator.recording.summary import Summary

MOST_ROWS = 100_000_000
# Sorting happens in memory, so an unsorted file must not have more rows.
MOST_UNSORTED_ROWS = 5_000_000


def prepare(path: Path, columns: Columns, out: Path, on_row: Callable[[int], None]) -> Summary:
    """Read a decompressed file and write its events as Parquet.

    Raises:
        RecordingError: the file is invalid; names row and column.
    """
    findings = Findings()
    mapper = Mapper(columns, findings)
    types: Counter[int] = Counter()
    read = rows = 0
    first, last, in_order = 0, 0, True
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        for batch in _checked(path, mapper):
            read += len(batch)
            if read > MOST_ROWS:
                raise RecordingError(f"The file has more than {MOST_ROWS:,} rows.", "Upload a part of it.")
            events = mapper.events(batch)
            on_row(read)
            if findings.any or not len(events):
                continue
            at = events["at"].to_numpy()
            types.update(dict(enumerate(np.bincount(events["type"].to_numpy(), minlength=len(EVENT_TYPES)).tolist())))
            in_order = in_order and (not rows or int(at[0]) >= last) and bool((np.diff(at) >= 0).all())
            first = int(at.min()) if not rows else min(first, int(at.min()))
            last = int(at.max()) if not rows else max(last, int(at.max()))
            rows += len(events)
            if not in_order and rows > MOST_UNSORTED_ROWS:
                raise RecordingError(
                    f"The rows are not sorted by time, and there are more than {MOST_UNSORTED_ROWS:,}.",
                    "Sort the file by time.", column=columns.event_time,
                )  # fmt: skip
            writer.write_table(events)
    findings.end()
    if not rows:
        why = ", ".join(f"{name} {count:,}" for name, count in mapper.left_out.items())
        left = f" All {read:,} rows were skipped ({why})." if read else ""
        raise RecordingError(
            f"The file contains no events.{left}", "Upload a file with events, or use another mapping."
        )
    days = (last - first) / 86_400e6
    if days > MAX_SPAN_DAYS:
        raise RecordingError(
            f"The events span {days:,.0f} days; the maximum is {MAX_SPAN_DAYS}.",
            "Upload a part of the file.",
            column=columns.event_time,
        )
    if not in_order:
        _sort(out)
    return Summary(
        rows=rows, read=read, first_us=first, last_us=last,
        types={EVENT_TYPES[code]: count for code, count in sorted(types.items()) if count},
        profile=_profile(out, first, last), in_order=in_order, left_out=mapper.left_out,
        notes=findings.notes,
    )  # fmt: skip


def beginning(path: Path, columns: Columns, count: int) -> tuple[list[dict[str, Any]], Mapper]:
    """The first events of a decompressed file as rows of plain values, and the mapper with the skipped rows.

    Raises:
        RecordingError: the first rows are invalid.
    """
    mapper, found = Mapper(columns, Findings()), list[dict[str, Any]]()
    for batch in islice(_checked(path, mapper), 4):
        found += mapper.events(batch)[:count].to_pylist()
        if len(found) >= count:
            break
    mapper.findings.end()
    return found[:count], mapper


def _checked(path: Path, mapper: Mapper) -> Iterator[Batch]:
    """The batches of a file, until enough problems are found.

    Raises:
        RecordingError: the error that ended the import, and the problems found before.
    """
    findings = mapper.findings
    try:
        for batch in batches(path, *columns_of(mapper.columns), findings):
            findings.have_read(len(batch))
            yield batch
            if findings.enough:
                return
    except RecordingError as error:
        raise findings.ended_by(error) from None


def _sort(path: Path) -> None:
    """Sort by time; rows with the same time keep the order of the file."""
    table = pq.read_table(path)
    order = pc.sort_indices(table, sort_keys=[("at", "ascending"), ("row", "ascending")])
    pq.write_table(table.take(order), path, compression="zstd", row_group_size=1 << 16)


def _profile(path: Path, first: int, last: int) -> list[int]:
    """The number of events in each equal part of the time span; one part if all events have the same time."""
    parts = PROFILE_PARTS if last > first else 1
    counts = np.zeros(parts, np.int64)
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["at"], batch_size=1 << 20):
            at: pa.Int64Array = batch.column("at")
            within = (at.to_numpy() - first) * parts // (last - first + 1)
            counts += np.bincount(within, minlength=parts)
    found: list[int] = counts.tolist()
    return found
