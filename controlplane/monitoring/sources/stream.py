"""The stream: what it should be and what it is, its rate, its lag by partition, its last batch."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from prometheus_client.metrics_core import Metric

from controlplane.health.models import Observation, PartState
from controlplane.lakehouse.selectors import tables_now
from controlplane.monitoring.sources.families import gauge, gauges, moment, one_of
from controlplane.streaming.models import Stream, StreamBatch, StreamState
from controlplane.streaming.ports import offsets_behind
from controlplane.streaming.selectors import PHASES, rate_now, stream_get

STALE_AFTER = timedelta(seconds=60)
PHASE_NAMES = dict(zip(PHASES, ("plan", "write", "commit"), strict=True))


def figures() -> Iterator[Metric]:
    row = stream_get()
    yield one_of("lakehouse_stream_state", "The stream's state as its reconciler found it.", "state",
                 StreamState.values, row.state)  # fmt: skip
    wanted = row.desired == Stream.Desired.RUNNING
    yield gauge("lakehouse_stream_wanted", "Whether people want the stream to run.", wanted)
    yield gauge("lakehouse_stream_failures", "Failures in a row; a batch that works ends the row.", row.failures)
    yield gauge("lakehouse_stream_records_per_second", "Records into bronze, lately.", rate_now())
    yield moment("lakehouse_stream_last_report_timestamp_seconds", "When the query last said something.",
                 row.last_report_at)  # fmt: skip
    yield from _topic(row)
    bronze = tables_now().table("bronze.events")
    yield moment("lakehouse_stream_newest_event_timestamp_seconds", "When Kafka got the newest record of bronze.",
                 bronze.newest_at if bronze else None)  # fmt: skip
    yield from _last_batch()


def _topic(row: Stream) -> Iterator[Metric]:
    seen = Observation.objects.filter(part="kafka", state=PartState.UP).first()
    fresh = seen is not None and timezone.now() - seen.observed_at < STALE_AFTER
    partitions = seen.detail.get("partitions", []) if seen and fresh else []
    read = row.offsets
    ends = {(str(at["partition"]),): float(at["end"]) for at in partitions}
    behind = {
        (str(at["partition"]),): float(offsets_behind(at["begin"], at["end"], read.get(str(at["partition"]))))
        for at in partitions
    }
    yield gauges("lakehouse_topic_end_offset", "The offset after the last that a reader of committed records gets to.",
                 ("partition",), ends)  # fmt: skip
    yield gauges("lakehouse_stream_lag_records", "Offsets of the topic that the stream has not read: at most so many "
                 "records.", ("partition",), behind)  # fmt: skip


def _last_batch() -> Iterator[Metric]:
    batch = StreamBatch.objects.order_by("-started_at", "-batch_id").first()
    yield moment("lakehouse_stream_last_batch_timestamp_seconds", "When the stream last took records from the topic.",
                 batch.started_at if batch else None)  # fmt: skip
    yield gauge("lakehouse_stream_batch_records", "Records of the last batch that had any.",
                batch.input_rows if batch else None)  # fmt: skip
    yield gauge("lakehouse_stream_batch_duration_seconds", "How long the last batch took, all phases together.",
                batch.seconds if batch else None)  # fmt: skip
    spent = {
        (PHASE_NAMES[title],): sum(batch.phases.get(phase, 0) for phase in phases) / 1000 if batch else None
        for title, phases in PHASES.items()
    }
    yield gauges("lakehouse_stream_batch_phase_seconds", "Seconds of the last batch by phase.", ("phase",), spent)
