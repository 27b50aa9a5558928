"""Health checks of Kafka, Spark and the stream."""

from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from controlplane.health.models import Observation, PartState
from controlplane.health.reading import Reading
from controlplane.health.services import measurement_record
from controlplane.streaming.models import Stream, StreamState
from controlplane.streaming.ports import TopicMissingError, offsets_behind
from controlplane.streaming.providers import event_topic, stream_engine
from controlplane.streaming.selectors import rate_now, stream_get
from spark_jobs.connection_string import without_parameters


def kafka(gaps_known: Callable[[str], int]) -> Reading:
    """Check the broker by reading the topic's offsets; also measures its records and the lag of bronze.

    Records are the offsets that a read_committed consumer reaches, minus the offsets without a record that the ledger
    found (transaction markers and aborted records): exact up to the ledger's last count, an upper bound after it.
    """
    try:
        topic = event_topic()
        offsets, newest = topic.offsets(), topic.newest()
    except TopicMissingError:
        return Reading(
            PartState.UP,
            f"Healthy. The first start of the stream creates the topic {settings.KAFKA_TOPIC}.",
            {"records": 0, "partitions": []},
        )
    stream = stream_get()
    gaps = gaps_known(offsets.topic_id)
    records = offsets.span - gaps
    measured = {"kafka.records": float(records)}
    fits = stream.topic_id in ("", offsets.topic_id)
    if fits and (stream.offsets or stream.state == StreamState.RUNNING):
        measured["bronze.lag"] = float(offsets.behind(stream.offsets))
    measurement_record(measured)
    held = sum(partition.held for partition in offsets.partitions)
    return Reading(
        PartState.UP,
        f"{records:,} records in {len(offsets.partitions)} partitions."
        + (f" {held:,} more offsets behind an open transaction." if held else ""),
        {
            "topic": offsets.topic,
            "topic_id": offsets.topic_id,
            "records": records,
            "newest_at": newest.isoformat() if newest else None,
            "partitions": [
                {
                    "partition": partition.partition,
                    "begin": partition.begin,
                    "end": partition.end,
                    "held": partition.held,
                }
                for partition in offsets.partitions
            ],
        },
    )


def spark() -> Reading:
    """Check the Spark Connect server by reading its version."""
    version = stream_engine().version()
    return Reading(
        PartState.UP,
        f"Healthy. Spark {version}.",
        {"version": version, "remote": without_parameters(settings.SPARK_REMOTE)},
    )


_STATES = {
    StreamState.RUNNING: PartState.UP,
    StreamState.STOPPED: PartState.UP,
    StreamState.WAITING: PartState.DEGRADED,
    StreamState.FAILED: PartState.DOWN,
    StreamState.UNKNOWN: PartState.UNKNOWN,
}


def stream() -> Reading:
    """The stream as the reconciler last found it. A stream that is stopped on request is healthy."""
    row = stream_get()
    lag = lag_now(row)
    detail = {
        "state": row.state,
        "desired": row.desired,
        "query_id": row.query_id,
        "configuration": row.configuration_id,
        "lag": lag,
        "rows_per_second": rate_now(),
        "last_batch": row.last_batch_id if row.last_batch_id >= 0 else None,
        "last_report_at": row.last_report_at.isoformat() if row.last_report_at else None,
    }
    if row.state == StreamState.RUNNING:
        summary = "Running." if lag is None else f"Running, lag {lag:,} records."
    elif row.state == StreamState.STOPPED:
        summary = f"Stopped by {row.asked_by}." if row.asked_by else "Not started yet."
    else:
        summary = row.message or row.get_state_display()
    return Reading(_STATES[StreamState(row.state)], summary, detail)


def lag_now(row: Stream) -> int | None:
    """The lag of the stream in offsets, from the last observations of the topic and the stream.

    None if Kafka's observation is stale, or if the checkpoint belongs to another topic.
    """
    seen = Observation.objects.filter(part="kafka", state=PartState.UP).first()
    if seen is None or (timezone.now() - seen.observed_at).total_seconds() > 30:
        return None
    if row.topic_id not in ("", seen.detail.get("topic_id", row.topic_id)):
        return None
    partitions: list[dict[str, int]] = seen.detail.get("partitions", [])
    read = row.offsets
    return sum(offsets_behind(at["begin"], at["end"], read.get(str(at["partition"]))) for at in partitions)
