"""What the stream needs of the outside: an engine that runs it and the topic that it reads."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


class StreamEngineError(Exception):
    """The engine answered, and it said no. The text is what it said."""


class EngineUnreachableError(StreamEngineError):
    """The engine doesn't answer, or not in time. What it is doing is not known."""


class EventTopicError(Exception):
    """The broker answered, and it said no. The text is what it said."""


class TopicUnreachableError(EventTopicError):
    """No broker answers, or not in time."""


class TopicMissingError(EventTopicError):
    """The brokers know no topic of that name."""


@dataclass(frozen=True)
class StreamOrder:
    """What to start. `checkpoint` is an address; `run_id` names this start and is stamped into every commit."""

    run_id: UUID
    checkpoint: str
    trigger_seconds: int
    max_offsets_per_trigger: int
    configuration: int


@dataclass(frozen=True)
class QueryRef:
    """One start of the query: `query_id` lives in the checkpoint and survives restarts, `run_id` does not."""

    query_id: str
    run_id: str


@dataclass(frozen=True)
class ActiveQuery:
    """The query that the engine is running now; `message` is what it says it is doing."""

    ref: QueryRef
    message: str


@dataclass(frozen=True)
class Ground:
    """What a start would find: rows already in bronze, and whether the checkpoint is there."""

    bronze_rows: int
    checkpoint_found: bool


@dataclass(frozen=True)
class BatchProgress:
    """One report of the query. `durations` are milliseconds a phase; offsets are by partition number as text.

    A report with no rows says that nothing new was there; its `batch_id` is that of the batch to come.
    """

    ref: QueryRef
    batch_id: int
    started_at: datetime
    input_rows: int
    rows_per_second: float
    lag_max: int
    lag_total: int
    durations: dict[str, int] = field(default_factory=dict)
    end_offsets: dict[str, int] = field(default_factory=dict)


class StreamEngine(Protocol):
    """Runs the one stream. Every call ends within its deadline.

    Raises:
        EngineUnreachableError: from every method, when the engine doesn't answer in time.
        StreamEngineError: when it answers that it can't.
    """

    def version(self) -> str:
        """The engine's version: the cheapest question there is."""

    def active(self) -> ActiveQuery | None:
        """The query that runs now, whoever started it."""

    def prepare(self, checkpoint: str) -> Ground:
        """Make sure that the tables exist, and look at what a start with this checkpoint would find."""

    def start(self, order: StreamOrder) -> ActiveQuery:
        """Start the query. One that runs already is left as it is and given back."""

    def stop(self) -> None:
        """End the query that runs, if any, after the batch that it is at or before it; nothing is lost either way."""

    def progress(self, ref: QueryRef, *, after: int = -1) -> list[BatchProgress]:
        """What is new since batch `after`, oldest first, at least the last report; empty when it knows it no more."""

    def failure(self, ref: QueryRef) -> str | None:
        """Why this start ended, or None when it was stopped, still runs or is no longer known."""


@dataclass(frozen=True)
class PartitionOffsets:
    """The first kept offset and the one that the next record gets."""

    partition: int
    begin: int
    end: int

    @property
    def records(self) -> int:
        return self.end - self.begin


@dataclass(frozen=True)
class TopicOffsets:
    """The topic's partitions, by number."""

    topic: str
    partitions: tuple[PartitionOffsets, ...]

    @property
    def records(self) -> int:
        return sum(partition.records for partition in self.partitions)


@dataclass(frozen=True)
class TopicRecord:
    """One record as it lies on the topic. `value` is cut to what a page shows; `size` is the whole length in bytes."""

    partition: int
    offset: int
    at: datetime | None
    key: bytes | None
    value: bytes | None
    size: int
    headers: dict[str, str] = field(default_factory=dict)


class EventTopic(Protocol):
    """The topic that the stream reads.

    Raises:
        TopicUnreachableError: from every method, when no broker answers in time.
        TopicMissingError: from `offsets`, `newest` and `tail`, when there is no such topic.
    """

    def ensure(self, partitions: int) -> bool:
        """Make the topic with so many partitions unless it is there; whether it was made now."""

    def offsets(self) -> TopicOffsets:
        """Begin and end of every partition."""

    def newest(self) -> datetime | None:
        """The time of the newest record, as its producer or the broker wrote it; None where none lies on the topic."""

    def tail(self, count: int) -> list[TopicRecord]:
        """The newest records over all partitions, newest first, at most `count`."""
