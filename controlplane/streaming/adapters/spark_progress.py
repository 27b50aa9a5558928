"""What a Spark streaming query says of its batches: the JSON of StreamingQueryProgress (org.apache.spark.sql)."""

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
    # The command itself, for its JSON: the client's classes parse less than the server says.
    command = StreamingQueryCommand(recent_progress=True) if everything else StreamingQueryCommand(last_progress=True)
    result = query._execute_streaming_query_cmd(command)
    return list(result.recent_progress.recent_progress_json)


def batches_of(reports: list[str]) -> list[BatchProgress]:
    """Reports as batches, oldest first. One that can't be read is left out and logged: it hides no other."""
    found = []
    for text in reports:
        try:
            found.append(batch_progress(text))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            log.warning("a progress report of Spark can't be read (%s): %s", error, text[:500])
    return found


def batch_progress(text: str) -> BatchProgress:
    """One report, read from its JSON. A figure that is missing, null or no finite number counts as none.

    Raises:
        ValueError, TypeError, LookupError: it doesn't say which batch of which query it is about.
    """
    said = json.loads(text)
    # One source is all the stream has; Spark writes the sums over sources into no JSON.
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
    """`{"topic": {"0": 12}}`, as an object or as its text; one topic is all the stream reads."""
    topics = json.loads(said) if isinstance(said, str) else said
    if not isinstance(topics, dict):
        return {}
    return {partition: offset for offsets in topics.values() for partition, offset in counts(offsets).items()}
