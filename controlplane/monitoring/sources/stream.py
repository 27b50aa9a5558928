"""The stream: desired and current state, rate, lag by partition, and last batch."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone
from prometheus_client.metrics_core import Metric

from controlplane.health.models import Observation, PartState
from controlplane.lakehouse.selectors import tables_now
from controlplane.monitoring.sources.families import gauge, gauges, moment, one_of
from controlplane.streaming.models import Stream, StreamBatch, StreamState
from controlplane.streaming.ports import offsets_behind
from controlplane.streaming.selectors import PHASES, rate_now, stream_get
from controlplane.web.values import whole

STALE_AFTER = timedelta(seconds=60)
PHASE_NAMES = dict(zip(PHASES, ("plan", "write", "commit"), strict=True))


def figures() -> Iterator[Metric]:
    """State, rate, lag and last batch of the stream, and the end of the topic."""
    row = stream_get()
    yield one_of("lakehouse_stream_state", "State of the stream.", "state",
                 StreamState.values, row.state)  # fmt: skip
    wanted = row.desired == Stream.Desired.RUNNING
    yield gauge("lakehouse_stream_wanted", "Whether the desired state of the stream is running.", wanted)
    yield gauge("lakehouse_stream_failures", "Consecutive failures; reset by a successful batch.", row.failures)
    yield gauge("lakehouse_stream_records_per_second", "Current ingest rate into bronze.", rate_now())
    yield moment("lakehouse_stream_last_report_timestamp_seconds", "Time of the query's last progress report.",
                 row.last_report_at)  # fmt: skip
    yield from _topic(row)
    bronze = tables_now().table("bronze.events")
    yield moment("lakehouse_stream_newest_event_timestamp_seconds", "Kafka timestamp of the newest record in bronze.",
                 bronze.newest_at if bronze else None)  # fmt: skip
    yield from _last_batch()


def _topic(row: Stream) -> Iterator[Metric]:
    seen = Observation.objects.filter(part="kafka", state=PartState.UP).first()
    fresh = seen is not None and timezone.now() - seen.observed_at < STALE_AFTER
    partitions = _partitions(seen.detail) if seen and fresh else []
    read = row.offsets
    ends = {(str(number),): end for number, _, end in partitions}
    behind = {(str(number),): offsets_behind(begin, end, read.get(str(number))) for number, begin, end in partitions}
    yield gauges("lakehouse_topic_end_offset", "End offset of the partition for a read_committed consumer.",
                 ("partition",), ends)  # fmt: skip
    yield gauges("lakehouse_stream_lag_records", "Offsets that the stream has not read: an upper bound of the lag in "
                 "records.", ("partition",), behind)  # fmt: skip


def _partitions(detail: Any) -> list[tuple[int, int, int]]:
    """Partition, begin and end of each partition in Kafka's observation whose numbers are readable."""
    listed = detail.get("partitions") if isinstance(detail, dict) else None
    rows = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    numbers = [tuple(whole(row.get(name)) for name in ("partition", "begin", "end")) for row in rows]
    return [
        (number, begin, end)
        for number, begin, end in numbers
        if number is not None and begin is not None and end is not None
    ]


def _last_batch() -> Iterator[Metric]:
    batch = StreamBatch.objects.order_by("-started_at", "-batch_id").first()
    yield moment("lakehouse_stream_last_batch_timestamp_seconds", "Start time of the last batch with records.",
                 batch.started_at if batch else None)  # fmt: skip
    yield gauge("lakehouse_stream_batch_records", "Records of the last batch with records.",
                batch.input_rows if batch else None)  # fmt: skip
    yield gauge("lakehouse_stream_batch_duration_seconds", "Duration of the last batch.",
                batch.seconds if batch else None)  # fmt: skip
    spent = {
        (PHASE_NAMES[title],): sum(batch.phases.get(phase, 0) for phase in phases) / 1000 if batch else None
        for title, phases in PHASES.items()
    }
    yield gauges(
        "lakehouse_stream_batch_phase_seconds", "Duration of the last batch by phase in seconds.", ("phase",), spent
    )
