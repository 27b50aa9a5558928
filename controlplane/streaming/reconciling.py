"""Reconciles the stream with its desired state: check the engine, take one step, write the result to the row.

A pass may run at any time, in any process and after any crash, since it starts from the state of the engine.
"""

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AuditEntry
from controlplane.lakehouse.selectors import storage_trouble
from controlplane.streaming.detours import detour
from controlplane.streaming.models import Stream, StreamBatch, StreamState, TopicLoss
from controlplane.streaming.ports import (
    TIMESTAMP_OVERFLOW,
    ActiveQuery,
    EngineUnreachableError,
    EventTopic,
    EventTopicError,
    QueryRef,
    StartPreconditions,
    StartRequest,
    StreamEngine,
    StreamEngineError,
    TopicMissingError,
    TopicOffsets,
)
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.topic_changes import starts_after, topic_change

log = logging.getLogger(__name__)

BATCHES_KEPT = timedelta(days=14)
LONGEST_BACKOFF = timedelta(minutes=5)
MISSING_CHECKPOINT_RECHECK = timedelta(seconds=30)


def stream_reconcile(engine: StreamEngine, topic: EventTopic) -> None:
    """Run one pass. The caller holds a lock, so that passes do not overlap."""
    stream = stream_get()
    try:
        active = engine.active()
        if active is not None:
            _report(engine, stream, active)
        if stream.desired == Stream.Desired.RUNNING:
            if active is not None:
                active = _unless_topic_changed(engine, topic, stream, active)
            _towards_running(engine, topic, stream, active)
        else:
            _towards_stopped(engine, stream, active)
    except EngineUnreachableError as error:
        _found(stream, StreamState.UNKNOWN, problem=Stream.Problem.UNREACHABLE, message=_with_cause(str(error)))
    except StreamEngineError as error:
        _failed(stream, Stream.Problem.START_FAILED, str(error))


def batches_forget() -> int:
    """Delete batches older than `BATCHES_KEPT` and return their number."""
    gone, _ = StreamBatch.objects.filter(started_at__lt=timezone.now() - BATCHES_KEPT).delete()
    return gone


def checkpoint_of(stream: Stream) -> str:
    """The address of the stream's checkpoint; each restart with a new checkpoint has its own."""
    suffix = f"-{stream.checkpoint_number}" if stream.checkpoint_number else ""
    return f"{settings.CHECKPOINTS.rstrip('/')}/bronze.events{suffix}"


def _unless_topic_changed(
    engine: StreamEngine, topic: EventTopic, stream: Stream, active: ActiveQuery
) -> ActiveQuery | None:
    """The running query, or None after it was stopped because its topic was replaced.

    It would continue in the new topic at the old offset and skip the records before it.
    """
    try:
        now = topic.offsets()
    except TopicMissingError:
        now = None
    except EventTopicError:
        return active
    if now is not None and now.topic_id == (stream.topic_id or now.topic_id):
        _write(stream, {"topic_id": now.topic_id, "topic_ends": ends_of(now)})
        return active
    if not stream.topic_id:
        return active
    engine.stop()
    _write(stream, {"query_run_id": ""})
    return None


def ends_of(offsets: TopicOffsets) -> dict[str, int]:
    """The end offsets of the topic for a read_committed consumer, by partition as text."""
    return {str(one.partition): one.end for one in offsets.partitions}


def _towards_stopped(engine: StreamEngine, stream: Stream, active: ActiveQuery | None) -> None:
    if active is not None:
        engine.stop()
    _found(stream, StreamState.STOPPED, query_run_id="")


def _towards_running(engine: StreamEngine, topic: EventTopic, stream: Stream, active: ActiveQuery | None) -> None:
    if active is not None:
        if stream.started_configuration_id == stream.configuration_id:
            _found(stream, StreamState.RUNNING, message=active.message, **_names(active))
            return
        _found(stream, StreamState.WAITING, message="Restarting to apply the new configuration.")
        engine.stop()
    elif stream.query_run_id:
        why = engine.failure(QueryRef(stream.query_id, stream.query_run_id))
        if why is not None:
            if TIMESTAMP_OVERFLOW in why and _detoured(engine, topic, stream):
                return
            _failed(stream, Stream.Problem.QUERY_FAILED, why, query_run_id="")
            return
        _found(
            stream, StreamState.WAITING, message="The query was not running. It is being restarted.", query_run_id=""
        )
    elif stream.next_attempt_at is not None and timezone.now() < stream.next_attempt_at:
        if stream.state == StreamState.UNKNOWN:
            _found(stream, StreamState.WAITING, message="Spark is reachable again. The next attempt follows.")
        return
    _start(engine, topic, stream)


def _detoured(engine: StreamEngine, topic: EventTopic, stream: Stream) -> bool:
    """Whether a detour wrote the records that Spark can't read; the stream then continues with a new checkpoint."""
    try:
        found = detour(engine, topic, checkpoint_of(stream))
    except EventTopicError as error:
        _found(stream, StreamState.WAITING, problem=Stream.Problem.UNREACHABLE, message=f"Kafka: {error}")
        return True
    if found is None:
        return False
    starts, text = found
    with transaction.atomic():
        _found(
            stream,
            StreamState.WAITING,
            message=text,
            checkpoint_number=stream.checkpoint_number + 1,
            may_reset_checkpoint=True,
            starts=starts,
            query_id="",
            query_run_id="",
            last_batch_id=-1,
            next_attempt_at=None,
        )
        # The message of the stream is cleared as soon as it runs again.
        audit_append(
            actor=None,
            action="stream.detour",
            target="stream",
            outcome=AuditEntry.Outcome.SUCCEEDED,
            detail={"message": text, "continues_at": starts},
        )
    return True


def _start(engine: StreamEngine, topic: EventTopic, stream: Stream) -> None:
    checkpoint = checkpoint_of(stream)
    now: TopicOffsets | None = None
    try:
        if stream.may_reset_checkpoint or not stream.topic_id:
            topic.ensure(settings.KAFKA_PARTITIONS)
        now = topic.offsets()
    except TopicMissingError:
        pass
    except EventTopicError as error:
        _found(stream, StreamState.WAITING, problem=Stream.Problem.UNREACHABLE, message=f"Kafka: {error}")
        return
    _found(stream, StreamState.WAITING, message="Checking topic, tables and checkpoint.")
    ground = engine.prepare(checkpoint)
    if not stream.may_reset_checkpoint:
        reached = engine.positions(checkpoint) if ground.checkpoint_found else None
        change = topic_change(stream, settings.KAFKA_TOPIC, now, reached.done if reached else stream.offsets)
        # Without the checkpoint the next offset is unknown.
        if change is not None and (reached or change.problem == Stream.Problem.TOPIC_REPLACED):
            _needs_new_checkpoint(stream, ground, change.problem, change.message, topic_change=change.as_json())
            return
        if ground.bronze_rows and not ground.checkpoint_found:
            _needs_new_checkpoint(
                stream,
                ground,
                Stream.Problem.CHECKPOINT_MISSING,
                f"Bronze has {ground.bronze_rows:,} rows, but the checkpoint {checkpoint} with the stream's offsets "
                "does not exist. Restore it, or restart with a new checkpoint and read the whole topic again.",
            )
            return
    if now is None:
        _found(stream, StreamState.WAITING, message=f"Topic {settings.KAFKA_TOPIC} does not exist yet.")
        return
    _start_with(engine, stream, checkpoint, ground, now)


def _needs_new_checkpoint(
    stream: Stream, ground: StartPreconditions, problem: Stream.Problem, message: str, **changes: Any
) -> None:
    _found(
        stream,
        StreamState.FAILED,
        problem=problem,
        message=message,
        bronze_rows=ground.bronze_rows,
        next_attempt_at=timezone.now() + MISSING_CHECKPOINT_RECHECK,
        **changes,
    )


def _start_with(
    engine: StreamEngine, stream: Stream, checkpoint: str, ground: StartPreconditions, now: TopicOffsets
) -> None:
    change = stream.topic_change if stream.may_reset_checkpoint else {}
    if stream.may_reset_checkpoint and not change and stream.topic_id not in ("", now.topic_id):
        found = topic_change(stream, settings.KAFKA_TOPIC, now, stream.offsets)
        change = found.as_json() if found else {}
    starts = stream.starts or starts_after(change, now)
    topic_of: dict[str, Any] = {"topic_id": now.topic_id, "topic_ends": ends_of(now), "topic_change": {}}
    if change:
        TopicLoss.objects.update_or_create(
            checkpoint_number=stream.checkpoint_number,
            defaults={"problem": change["problem"], "records": change["lost"]},
        )
        if change["problem"] == Stream.Problem.TOPIC_REPLACED:
            topic_of["topic_since"] = timezone.now()
    order = StartRequest(
        run_id=uuid.uuid4(),
        checkpoint=checkpoint,
        trigger_seconds=stream.configuration.trigger_seconds,
        max_offsets_per_trigger=stream.configuration.max_offsets_per_trigger,
        configuration=stream.configuration.version,
        starts=starts,
    )
    _found(
        stream,
        StreamState.WAITING,
        message="Starting.",
        start_id=order.run_id,
        started_configuration_id=stream.configuration_id,
        started_at=timezone.now(),
        bronze_rows=ground.bronze_rows,
        starts=starts,
        **topic_of,
    )
    active = engine.start(order)
    log.info("The stream was started as %s.", order.run_id)
    _found(
        stream,
        StreamState.RUNNING,
        message=active.message,
        may_reset_checkpoint=False,
        starts={},
        next_attempt_at=None,
        **_names(active),
    )


def _report(engine: StreamEngine, stream: Stream, active: ActiveQuery) -> None:
    """Store the query's reports since the last pass."""
    known = stream.last_batch_id if active.ref.query_id == stream.query_id else -1
    reports = engine.progress(active.ref, after=known)
    if not reports:
        return
    for report in reports:
        if report.input_rows:
            StreamBatch.objects.update_or_create(
                query_id=report.ref.query_id,
                batch_id=report.batch_id,
                defaults={
                    "run_id": report.ref.run_id,
                    "configuration_id": stream.started_configuration_id,
                    "started_at": report.started_at,
                    "input_rows": report.input_rows,
                    "rows_per_second": report.rows_per_second,
                    "lag_max": report.lag_max,
                    "lag_total": report.lag_total,
                    "durations": report.durations,
                    "end_offsets": report.end_offsets,
                },
            )
    last = reports[-1]
    changes: dict[str, Any] = {
        "last_batch_id": max([known, *(report.batch_id for report in reports if report.input_rows)]),
        "last_report_at": last.started_at,
        "lag_total": last.lag_total,
    }
    if last.end_offsets:
        changes["end_offsets"] = last.end_offsets
    if stream.failures and stream.started_at and last.started_at > stream.started_at:
        changes["failures"] = 0
    _write(stream, changes)


def _failed(stream: Stream, problem: Stream.Problem, message: str, **changes: Any) -> None:
    failures = stream.failures + 1
    # The first retry comes soon: Spark 4.1.1 fails a query that has just redone the batch of a crash, with an error in
    # its progress report (KafkaMicroBatchStream.metrics finds no latest offsets), and the next start succeeds.
    pause = min(LONGEST_BACKOFF, timedelta(seconds=2 * 2 ** min(failures, 10)))
    _found(
        stream,
        StreamState.FAILED,
        problem=problem,
        message=_with_cause(message),
        failures=failures,
        next_attempt_at=timezone.now() + pause,
        **changes,
    )


def _with_cause(message: str) -> str:
    """Spark's error, preceded by a known problem of the object storage that explains it."""
    trouble = storage_trouble()
    return f"{trouble} {message}" if trouble else message


def _names(active: ActiveQuery) -> dict[str, str]:
    return {"query_id": active.ref.query_id, "query_run_id": active.ref.run_id}


def _found(stream: Stream, state: StreamState, *, problem: str = "", message: str = "", **changes: Any) -> None:
    changes |= {"state": state, "problem": problem, "message": message}
    if stream.state != state:
        changes["state_since"] = timezone.now()
    _write(stream, changes)


def _write(stream: Stream, changes: dict[str, Any]) -> None:
    """Write only observed fields: a concurrent change of the desired state must not be overwritten."""
    changes = {name: value for name, value in changes.items() if getattr(stream, name) != value}
    if not changes:
        return
    Stream.objects.filter(pk=stream.pk).update(**changes)
    for name, value in changes.items():
        setattr(stream, name, value)
