"""How Kafka, Spark and the stream are doing."""

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
    """The broker, by asking for the topic's offsets; also measures what lies on it and how much is not in bronze.

    Records are the offsets that a reader of committed records gets to, less those without one that the ledger has found
    (markers of transactions and aborted records): exact up to its last count, and at most so many after it.
    """
    try:
        topic = event_topic()
        offsets, newest = topic.offsets(), topic.newest()
    except TopicMissingError:
        return Reading(
            PartState.UP,
            f"Answers; the topic {settings.KAFKA_TOPIC} is made with the first start.",
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
        + (f" {held:,} more offsets are behind an open transaction." if held else ""),
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
    """Offsets of the topic that the stream has not read, from the last looks at both.

    None where Kafka's is old, or where the checkpoint is of another topic.
    """
    seen = Observation.objects.filter(part="kafka", state=PartState.UP).first()
    if seen is None or (timezone.now() - seen.observed_at).total_seconds() > 30:
        return None
    if row.topic_id not in ("", seen.detail.get("topic_id", row.topic_id)):
        return None
    partitions: list[dict[str, int]] = seen.detail.get("partitions", [])
    read = row.offsets
    return sum(offsets_behind(at["begin"], at["end"], read.get(str(at["partition"]))) for at in partitions)
