"""Progress reports of a Spark streaming query: the JSON of StreamingQueryProgress (org.apache.spark.sql)."""

import json
import logging
from datetime import datetime
from typing import Any

from pyspark.sql.connect.proto import StreamingQueryCommand
from pyspark.sql.connect.streaming.query import StreamingQuery

from controlplane.streaming.ports import BatchProgress, QueryRef
from controlplane.web.moments import utc
from controlplane.web.values import counts, real, storable, whole

log = logging.getLogger(__name__)
LARGEST = 2**63 - 1
# Spark's ids are UUIDs of 36 characters, and it names some ten phases of a batch.
LONGEST_ID = 64
MOST_PHASES = 50


def reports_of(query: StreamingQuery, *, everything: bool) -> list[str]:
    """The last report as JSON, or all that the server still has (100 at most), oldest first."""
    # Send the command directly to get its JSON: the client's classes drop some fields.
    command = StreamingQueryCommand(recent_progress=True) if everything else StreamingQueryCommand(last_progress=True)
    result = query._execute_streaming_query_cmd(command)
    return list(result.recent_progress.recent_progress_json)


def batches_of(reports: list[str]) -> list[BatchProgress]:
    """Reports as batches, oldest first. An unreadable report is logged and skipped."""
    found = []
    for text in reports:
        try:
            found.append(batch_progress(text))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            log.warning("a progress report of Spark can't be read (%s): %s", error, text[:500])
    return found


def batch_progress(text: str) -> BatchProgress:
    """One report, parsed from its JSON.

    A number that is missing, null, negative, not finite or larger than 64 bits counts as none: no rows, a rate of 0,
    and no lag in a partition without such an offset. Sums are capped at `LARGEST`.

    Raises:
        ValueError, TypeError, LookupError: the report does not identify its batch and query.
    """
    said = json.loads(text)
    # The stream has one source, and Spark's JSON has no sums over sources.
    sources = said.get("sources")
    source = sources[0] if isinstance(sources, list) and sources and isinstance(sources[0], dict) else {}
    ends = _offsets(source.get("endOffset"))
    latest = _offsets(source.get("latestOffset"))
    behind = [max(0, latest[partition] - ends[partition]) for partition in latest if partition in ends]
    number = whole(said["batchId"])
    if number is None or number < 0:
        raise ValueError(f"batchId is {str(said['batchId'])[:100]}")
    durations = storable(_not_negative(counts(said.get("durationMs"))))
    return BatchProgress(
        ref=QueryRef(_id(said, "id"), _id(said, "runId")),
        batch_id=number,
        started_at=utc(datetime.fromisoformat(said["timestamp"])),
        input_rows=max(0, whole(source.get("numInputRows")) or 0),
        rows_per_second=max(0.0, real(source.get("processedRowsPerSecond")) or 0.0),
        lag_max=max(behind, default=0),
        lag_total=min(sum(behind), LARGEST),
        durations=dict(list(durations.items())[:MOST_PHASES]),
        end_offsets=ends,
    )


def _id(said: dict[str, Any], name: str) -> str:
    found = said[name]
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_ID or storable(found) != found:
        raise ValueError(f"{name} is {str(found)[:100]!r}")
    return found


def _offsets(said: Any) -> dict[str, int]:
    """Offsets from `{"topic": {"0": 12}}`, as an object or as JSON text. The stream reads one topic."""
    try:
        topics = json.loads(said) if isinstance(said, str) else said
    except (ValueError, RecursionError):
        return {}
    if not isinstance(topics, dict):
        return {}
    return {
        partition: offset
        for offsets in topics.values()
        for partition, offset in _not_negative(counts(offsets)).items()
        if partition.isascii() and partition.isdigit() and len(partition) < 10
    }


def _not_negative(numbers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if number >= 0}
