"""Making the stream what it should be: one look at the engine, one step, and a row that says what was found.

It may be run at any time, by anybody, after any crash: each pass begins with what the engine says.
"""

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from controlplane.lakehouse.selectors import storage_trouble
from controlplane.streaming.models import Stream, StreamBatch, StreamState
from controlplane.streaming.ports import (
    ActiveQuery,
    EngineUnreachableError,
    EventTopic,
    EventTopicError,
    QueryRef,
    StreamEngine,
    StreamEngineError,
    StreamOrder,
)
from controlplane.streaming.selectors import stream_get

log = logging.getLogger(__name__)

BATCHES_KEPT = timedelta(days=14)
LONGEST_BACKOFF = timedelta(minutes=5)
MISSING_CHECKPOINT_RECHECK = timedelta(seconds=30)


def stream_reconcile(engine: StreamEngine, topic: EventTopic) -> None:
    """One pass. Two at once are kept apart by the caller's lock."""
    stream = stream_get()
    try:
        active = engine.active()
        if active is not None:
            _report(engine, stream, active)
        if stream.desired == Stream.Desired.RUNNING:
            _towards_running(engine, topic, stream, active)
        else:
            _towards_stopped(engine, stream, active)
    except EngineUnreachableError as error:
        _found(stream, StreamState.UNKNOWN, problem=Stream.Problem.UNREACHABLE, message=_with_cause(str(error)))
    except StreamEngineError as error:
        _failed(stream, Stream.Problem.START_FAILED, str(error))


def batches_forget() -> int:
    """Drop batches older than `BATCHES_KEPT`; gives how many went."""
    gone, _ = StreamBatch.objects.filter(started_at__lt=timezone.now() - BATCHES_KEPT).delete()
    return gone


def checkpoint_of(stream: Stream) -> str:
    """The address of the stream's checkpoint; each start anew has one of its own."""
    suffix = f"-{stream.checkpoint_number}" if stream.checkpoint_number else ""
    return f"{settings.CHECKPOINTS.rstrip('/')}/bronze.events{suffix}"


def _towards_stopped(engine: StreamEngine, stream: Stream, active: ActiveQuery | None) -> None:
    if active is not None:
        engine.stop()
    _found(stream, StreamState.STOPPED, query_run_id="")


def _towards_running(engine: StreamEngine, topic: EventTopic, stream: Stream, active: ActiveQuery | None) -> None:
    if active is not None:
        if stream.started_configuration_id == stream.configuration_id:
            _found(stream, StreamState.RUNNING, message=active.message, **_names(active))
            return
        _found(stream, StreamState.WAITING, message="Restarting with the new configuration.")
        engine.stop()
    elif stream.query_run_id:
        why = engine.failure(QueryRef(stream.query_id, stream.query_run_id))
        if why is not None:
            _failed(stream, Stream.Problem.QUERY_FAILED, why, query_run_id="")
            return
        _found(stream, StreamState.WAITING, message="The query was gone; it is started again.", query_run_id="")
    elif stream.next_attempt_at is not None and timezone.now() < stream.next_attempt_at:
        if stream.state == StreamState.UNKNOWN:
            _found(stream, StreamState.WAITING, message="Spark answers again; the next attempt follows.")
        return
    _start(engine, topic, stream)


def _start(engine: StreamEngine, topic: EventTopic, stream: Stream) -> None:
    try:
        topic.ensure(settings.KAFKA_PARTITIONS)
    except EventTopicError as error:
        _found(stream, StreamState.WAITING, problem=Stream.Problem.UNREACHABLE, message=f"Kafka: {error}")
        return
    checkpoint = checkpoint_of(stream)
    _found(stream, StreamState.WAITING, message="Looking at the tables and the checkpoint.")
    ground = engine.prepare(checkpoint)
    if ground.bronze_rows and not ground.checkpoint_found and not stream.may_start_anew:
        _found(
            stream,
            StreamState.FAILED,
            problem=Stream.Problem.CHECKPOINT_MISSING,
            message=f"Bronze has {ground.bronze_rows:,} rows, but the checkpoint {checkpoint} that says how far the "
            "stream has read is not there. Put it back, or start anew and read the whole topic again.",
            bronze_rows=ground.bronze_rows,
            next_attempt_at=timezone.now() + MISSING_CHECKPOINT_RECHECK,
        )
        return
    order = StreamOrder(
        run_id=uuid.uuid4(),
        checkpoint=checkpoint,
        trigger_seconds=stream.configuration.trigger_seconds,
        max_offsets_per_trigger=stream.configuration.max_offsets_per_trigger,
        configuration=stream.configuration.version,
    )
    # Written before the call: where the answer gets lost, the next pass knows the query that it finds.
    _found(
        stream,
        StreamState.WAITING,
        message="Starting.",
        start_id=order.run_id,
        started_configuration_id=stream.configuration_id,
        started_at=timezone.now(),
        bronze_rows=ground.bronze_rows,
    )
    active = engine.start(order)
    log.info("The stream was started as %s.", order.run_id)
    _found(
        stream,
        StreamState.RUNNING,
        message=active.message,
        may_start_anew=False,
        next_attempt_at=None,
        **_names(active),
    )


def _report(engine: StreamEngine, stream: Stream, active: ActiveQuery) -> None:
    """Keep what the query said since the last pass."""
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
    # The first attempt comes soon: Spark 4.1.1 ends a query that has just redone the batch of a crash with an error in
    # its own progress report (KafkaMicroBatchStream.metrics finds no latest offsets), and the next start goes on.
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
    """What Spark says, after what is known to be behind it: without its bucket nothing of the stream can go on."""
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
    """Only what was found: what people ask for may change meanwhile, and must not be written back as it was."""
    changes = {name: value for name, value in changes.items() if getattr(stream, name) != value}
    if not changes:
        return
    Stream.objects.filter(pk=stream.pk).update(**changes)
    for name, value in changes.items():
        setattr(stream, name, value)
