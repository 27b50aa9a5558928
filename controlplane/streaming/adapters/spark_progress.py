"""What a Spark streaming query says of its batches: the JSON of StreamingQueryProgress (org.apache.spark.sql)."""

import json
from datetime import datetime
from typing import Any

from pyspark.sql.connect.proto import StreamingQueryCommand
from pyspark.sql.connect.streaming.query import StreamingQuery

from controlplane.streaming.ports import BatchProgress, QueryRef


def reports_of(query: StreamingQuery, *, everything: bool) -> list[str]:
    """The last report as JSON, or all that the server still has (100 at most), oldest first."""
    # The command itself, for its JSON: the client's classes parse less than the server says.
    command = StreamingQueryCommand(recent_progress=True) if everything else StreamingQueryCommand(last_progress=True)
    result = query._execute_streaming_query_cmd(command)
    return list(result.recent_progress.recent_progress_json)


def batch_progress(text: str) -> BatchProgress:
    """One report, read from its JSON."""
    said = json.loads(text)
    # One source is all the stream has; Spark writes the sums over sources into no JSON.
    source = said["sources"][0] if said.get("sources") else {}
    ends = _offsets(source.get("endOffset"))
    latest = _offsets(source.get("latestOffset"))
    behind = {partition: max(0, latest[partition] - ends.get(partition, 0)) for partition in latest}
    return BatchProgress(
        ref=QueryRef(said["id"], said["runId"]),
        batch_id=int(said["batchId"]),
        started_at=datetime.fromisoformat(said["timestamp"]),
        input_rows=int(source.get("numInputRows") or 0),
        rows_per_second=float(source.get("processedRowsPerSecond") or 0.0),
        lag_max=max(behind.values(), default=0),
        lag_total=sum(behind.values()),
        durations={phase: int(taken) for phase, taken in said.get("durationMs", {}).items()},
        end_offsets=ends,
    )


def _offsets(said: Any) -> dict[str, int]:
    """`{"topic": {"0": 12}}`, as an object or as its text; one topic is all the stream reads."""
    topics = json.loads(said) if isinstance(said, str) else said
    if not isinstance(topics, dict):
        return {}
    return {partition: int(offset) for offsets in topics.values() for partition, offset in offsets.items()}
