"""Progress reports of a Spark streaming query: the JSON of StreamingQueryProgress (org.apache.spark.sql)."""

import json
import logging
from datetime import datetime
from typing import Any

from pyspark.sql.connect.proto import StreamingQueryCommand
from pyspark.sql.connect.streaming.query import StreamingQuery

from controlplane.streaming.ports import BatchProgress, QueryRef
from controlplane.web.moments import utc
from controlplane.web.values import counts, real, whole

log = logging.getLogger(__name__)
LARGEST = 2**63 - 1


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
    """One report, parsed from its JSON. A missing, null or non-finite number counts as none.

    Raises:
        ValueError, TypeError, LookupError: the report does not identify its batch and query.
    """
    said = json.loads(text)
    # The stream has one source, and Spark's JSON has no sums over sources.
    source = said["sources"][0] if said.get("sources") else {}
    ends = _offsets(source.get("endOffset"))
    latest = _offsets(source.get("latestOffset"))
    behind = {partition: max(0, latest[partition] - ends.get(partition, 0)) for partition in latest}
    number = whole(said["batchId"])
    if number is None:
        raise ValueError(f"batchId is {said['batchId']!r}")
    return BatchProgress(
        ref=QueryRef(str(said["id"]), str(said["runId"])),
        batch_id=number,
        started_at=utc(datetime.fromisoformat(said["timestamp"])),
        input_rows=max(0, whole(source.get("numInputRows")) or 0),
        rows_per_second=real(source.get("processedRowsPerSecond")) or 0.0,
        lag_max=max(behind.values(), default=0),
        lag_total=min(sum(behind.values()), LARGEST),
        durations=counts(said.get("durationMs")),
        end_offsets=ends,
    )


def _offsets(said: Any) -> dict[str, int]:
    """Offsets from `{"topic": {"0": 12}}`, as an object or as JSON text. The stream reads one topic."""
    topics = json.loads(said) if isinstance(said, str) else said
    if not isinstance(topics, dict):
        return {}
    return {partition: offset for offsets in topics.values() for partition, offset in counts(offsets).items()}
