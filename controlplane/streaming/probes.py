"""How Kafka, Spark and the stream are doing."""

from django.conf import settings
from django.utils import timezone

from controlplane.overview.models import Observation, PartState
from controlplane.overview.reading import Reading
from controlplane.overview.services import measurement_record
from controlplane.streaming.models import Stream, StreamState
from controlplane.streaming.ports import TopicMissingError
from controlplane.streaming.selectors import rate_now, stream_get
from controlplane.wiring import event_topic, stream_engine
from spark_jobs.connection_string import without_parameters


def kafka() -> Reading:
    """The broker, by asking for the topic's offsets; also measures what lies on it and how much is not in bronze."""
    try:
        topic = event_topic()
        offsets, newest = topic.offsets(), topic.newest()
    except TopicMissingError:
        return Reading(
            PartState.UP,
            f"Answers; the topic {settings.KAFKA_TOPIC} is made with the first start.",
            {"records": 0, "partitions": []},
        )
    ends = {str(partition.partition): partition.end for partition in offsets.partitions}
    measured = {"kafka.records": float(offsets.records)}
    stream = stream_get()
    if stream.offsets or stream.state == StreamState.RUNNING:
        read = stream.offsets
        measured["bronze.lag"] = float(sum(max(0, end - read.get(number, 0)) for number, end in ends.items()))
    measurement_record(measured)
    return Reading(
        PartState.UP,
        f"{offsets.records:,} records in {len(ends)} partitions.",
        {
            "topic": offsets.topic,
            "records": offsets.records,
            "newest_at": newest.isoformat() if newest else None,
            "partitions": [
                {"partition": partition.partition, "begin": partition.begin, "end": partition.end}
                for partition in offsets.partitions
            ],
        },
    )


def spark() -> Reading:
    """The Spark Connect server, by asking for its version."""
    version = stream_engine().version()
    return Reading(
        PartState.UP,
        f"Spark {version} answers.",
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
    """The stream as its reconciler found it last: a stopped one is well, as long as somebody wants it so."""
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
        summary = "Running." if lag is None else f"Running, {lag:,} records behind."
    elif row.state == StreamState.STOPPED:
        summary = f"Stopped by {row.asked_by}." if row.asked_by else "Not started yet."
    else:
        summary = row.message or row.get_state_display()
    return Reading(_STATES[StreamState(row.state)], summary, detail)


def lag_now(row: Stream) -> int | None:
    """Records on the topic that the stream has not read, from the last looks at both; None where Kafka's is old."""
    seen = Observation.objects.filter(part="kafka", state=PartState.UP).first()
    if seen is None or (timezone.now() - seen.observed_at).total_seconds() > 30:
        return None
    partitions: list[dict[str, int]] = seen.detail.get("partitions", [])
    read = row.offsets
    return sum(max(0, at["end"] - read.get(str(at["partition"]), at["begin"])) for at in partitions)
