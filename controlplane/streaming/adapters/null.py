"""An engine and a topic in memory, for tests and for pages without a stack."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from controlplane.streaming.ports import (
    AHEAD,
    ActiveQuery,
    BatchProgress,
    EngineUnreachableError,
    Headers,
    PartitionOffsets,
    Positions,
    QueryRef,
    Span,
    StartPreconditions,
    StartRequest,
    StreamEngineError,
    TopicMissingError,
    TopicOffsets,
    TopicRecord,
    TopicUnreachableError,
)


class NullStreamEngine:
    """Executes every call at once. `reachable`, `ground` and the methods below set up a test."""

    def __init__(self) -> None:
        self.reachable = True
        self.ground = StartPreconditions(bronze_rows=0, checkpoint_found=False)
        self.started: list[StartRequest] = []
        self.refuses: str | None = None
        self.taken_in: dict[str, list[TopicRecord]] = {}
        self.reached: dict[str, Positions] = {}
        self._active: ActiveQuery | None = None
        self._checkpoints: dict[str, str] = {}
        self._progress: dict[QueryRef, list[BatchProgress]] = {}
        self._failures: dict[QueryRef, str] = {}

    def restart(self) -> None:
        """Restart the server: no query runs, and earlier queries are unknown."""
        self._active = None
        self._progress.clear()
        self._failures.clear()

    def fail(self, why: str) -> None:
        """The running query ends with an error."""
        assert self._active is not None
        self._failures[self._active.ref] = why
        self._active = None

    def report(self, batch_id: int, rows: int, end_offsets: dict[str, int], *, lag: int = 0) -> BatchProgress:
        """The running query finishes a batch."""
        assert self._active is not None
        progress = BatchProgress(
            ref=self._active.ref,
            batch_id=batch_id,
            started_at=datetime.now(UTC),
            input_rows=rows,
            rows_per_second=float(rows),
            lag_max=lag,
            lag_total=lag,
            durations={"triggerExecution": 900, "addBatch": 700},
            end_offsets=end_offsets,
        )
        self._progress.setdefault(self._active.ref, []).append(progress)
        return progress

    def version(self) -> str:
        self._reach()
        return "null"

    def active(self) -> ActiveQuery | None:
        self._reach()
        return self._active

    def prepare(self, checkpoint: str) -> StartPreconditions:
        self._reach()
        return replace(self.ground, checkpoint_found=self.ground.checkpoint_found or checkpoint in self._checkpoints)

    def start(self, order: StartRequest) -> ActiveQuery:
        self._reach()
        if self._active is not None:
            return self._active
        if self.refuses is not None:
            raise StreamEngineError(self.refuses)
        query_id = self._checkpoints.setdefault(order.checkpoint, str(uuid.uuid4()))
        self._active = ActiveQuery(QueryRef(query_id, str(uuid.uuid4())), "Waiting for data to arrive")
        self.started.append(order)
        return self._active

    def stop(self) -> None:
        self._reach()
        self._active = None

    def progress(self, ref: QueryRef, *, after: int = -1) -> list[BatchProgress]:
        self._reach()
        reports = self._progress.get(ref, [])
        return [report for report in reports if report.batch_id > after] or reports[-1:]

    def failure(self, ref: QueryRef) -> str | None:
        self._reach()
        return self._failures.get(ref)

    def positions(self, checkpoint: str) -> Positions | None:
        self._reach()
        return self.reached.get(checkpoint)

    def take_in(self, records: Sequence[TopicRecord], *, checkpoint: str) -> None:
        self._reach()
        self.taken_in.setdefault(checkpoint, list(records))

    def _reach(self) -> None:
        if not self.reachable:
            raise EngineUnreachableError("The null engine is set to be unreachable.")


class NullEventTopic:
    """A topic as one list per partition, with None at an offset without a record."""

    def __init__(self, topic: str = "null") -> None:
        self.reachable = True
        self._topic = topic
        self._id = ""
        self._partitions: list[list[TopicRecord | None]] = []
        self._begins: dict[int, int] = {}
        self._held: dict[int, int] = {}

    def append(
        self,
        partition: int,
        value: bytes,
        *,
        timestamp: int | None = None,
        headers: Headers = (),
    ) -> None:
        """A record arrives."""
        log = self._partitions[partition]
        stamp = round(time.time() * 1000) if timestamp is None else timestamp
        log.append(TopicRecord(partition, len(log), stamp, None, value, len(value), headers))

    def append_gap(self, partition: int, offsets: int) -> None:
        """Append offsets without records, such as transaction markers and aborted records."""
        self._partitions[partition] += [None] * offsets

    def hold(self, partition: int) -> None:
        """Open a transaction: records that arrive from now on are behind it."""
        self._held[partition] = len(self._partitions[partition])

    def expire(self, partition: int, begin: int) -> None:
        """Delete the records before `begin`, as retention does."""
        self._begins[partition] = begin

    def truncate(self, partition: int, end: int) -> None:
        """Lose the records after `end`."""
        del self._partitions[partition][end:]

    def delete(self) -> None:
        """The topic is deleted, and not created again."""
        self._partitions, self._begins, self._held = [], {}, {}

    def ensure(self, partitions: int) -> bool:
        self._reach()
        if self._partitions:
            return False
        self._partitions = [[] for _ in range(partitions)]
        self._id = str(uuid.uuid4())
        return True

    def offsets(self) -> TopicOffsets:
        self._exists()
        return TopicOffsets(
            self._topic,
            self._id,
            tuple(
                PartitionOffsets(number, self._begins.get(number, 0), self._held.get(number, len(log)), len(log))
                for number, log in enumerate(self._partitions)
            ),
        )

    def newest(self) -> datetime | None:
        self._exists()
        limit = datetime.now(UTC) + AHEAD
        times = (record.at for log in self._partitions for record in log if record)
        return max((at for at in times if at and at <= limit), default=None)

    def tail(self, count: int) -> list[TopicRecord]:
        self._exists()
        newest = sorted(
            (
                replace(record.truncated(), is_committed=record.offset < self._held.get(number, len(log)))
                for number, log in enumerate(self._partitions)
                for record in log
                if record and record.offset >= self._begins.get(number, 0)
            ),
            key=lambda record: (record.timestamp, record.partition, record.offset),
            reverse=True,
        )
        return newest[:count]

    def count(self, spans: Sequence[Span]) -> list[int | None]:
        self._exists()
        return [len(self._within(span)) for span in spans]

    def read(self, span: Span, *, records: int, size: int) -> list[TopicRecord]:
        self._exists()
        return self._within(span)[:records]

    def _within(self, span: Span) -> list[TopicRecord]:
        log = self._partitions[span.partition]
        start, end = self._begins.get(span.partition, 0), self._held.get(span.partition, len(log))
        return [record for record in log[max(start, span.start) : min(end, span.end)] if record]

    def _exists(self) -> None:
        self._reach()
        if not self._partitions:
            raise TopicMissingError(f"Topic {self._topic} does not exist.")

    def _reach(self) -> None:
        if not self.reachable:
            raise TopicUnreachableError("The null broker is set to be unreachable.")
