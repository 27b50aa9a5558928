"""What the stream needs of the outside: an engine that runs it and the topic that it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from spark_jobs.bronze.events.calendar import time_of

# A record's time may be so far ahead of the clock: what a broker accepts by default (message.timestamp.after.max.ms).
AHEAD = timedelta(hours=1)


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


# What Spark says of a record whose timestamp it can't convert, and of offsets that the topic doesn't hold.
TIMESTAMP_OVERFLOW = "long overflow"


@dataclass(frozen=True)
class StreamOrder:
    """What to start. `checkpoint` is an address; `run_id` names this start and is stamped into every commit.

    `starts` are the offsets, by partition, from which a query without a checkpoint reads; empty: from the earliest.
    """

    run_id: UUID
    checkpoint: str
    trigger_seconds: int
    max_offsets_per_trigger: int
    configuration: int
    starts: Mapping[str, int] = field(default_factory=dict)


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
class Positions:
    """How far a checkpoint has come: the next offset by partition, after the last finished batch (`done`) and after the
    batch that was planned last (`planned`, the same when none is open)."""

    done: Mapping[str, int]
    planned: Mapping[str, int]


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


@dataclass(frozen=True)
class TopicRecord:
    """One record of the topic.

    `timestamp` is Kafka's number of milliseconds as the producer chose it (-1 for none), and `at` the time that it
    stands for; None when it is none or outside the calendar. Headers may repeat a name, and have null as value.
    `is_committed` is False for a record behind an open transaction, which the stream doesn't read yet.
    """

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    size: int
    headers: tuple[tuple[str, bytes | None], ...] = ()
    is_committed: bool = True

    @property
    def at(self) -> datetime | None:
        return time_of(self.timestamp)


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

    def positions(self, checkpoint: str) -> Positions | None:
        """How far this checkpoint has come; None when nothing of it is there."""

    def take_in(self, records: Sequence[TopicRecord], *, checkpoint: str) -> None:
        """Append records to bronze that the query of this checkpoint can't read, once: a repeated call changes nothing.

        Their time is null in bronze unless it is within the calendar.
        """


@dataclass(frozen=True)
class PartitionOffsets:
    """Offsets of one partition. Offsets are not records: markers of transactions and aborted records have one, too.

    `begin` is the first that is kept, `end` the one after the last that a reader of committed records gets to, and
    `tip` the one that the next record gets. Those from `end` to `tip` are behind an open transaction.
    """

    partition: int
    begin: int
    end: int
    tip: int

    @property
    def held(self) -> int:
        """The offsets behind an open transaction."""
        return self.tip - self.end


@dataclass(frozen=True)
class TopicOffsets:
    """The topic's partitions, by number. `topic_id` changes when a topic is deleted and created again."""

    topic: str
    topic_id: str
    partitions: tuple[PartitionOffsets, ...]

    @property
    def span(self) -> int:
        """How many offsets the topic keeps: the most records that it can hold for a reader of committed ones."""
        return sum(max(0, partition.end - partition.begin) for partition in self.partitions)

    def behind(self, read: Mapping[str, int]) -> int:
        """How many offsets a reader that has come to `read` has before it, at most as many records."""
        return sum(self.behind_in(partition, read) for partition in self.partitions)

    def behind_in(self, partition: PartitionOffsets, read: Mapping[str, int]) -> int:
        return offsets_behind(partition.begin, partition.end, read.get(str(partition.partition)))


def offsets_behind(begin: int, end: int, read: int | None) -> int:
    """The offsets of one partition that a reader has before it."""
    return max(0, end - (begin if read is None else max(read, begin)))


@dataclass(frozen=True)
class Span:
    """Offsets of a partition from `start` up to `end`, which is not among them."""

    partition: int
    start: int
    end: int


class EventTopic(Protocol):
    """The topic that the stream reads.

    Raises:
        TopicUnreachableError: from every method, when no broker answers in time.
        TopicMissingError: from all but `ensure`, when there is no such topic.
    """

    def ensure(self, partitions: int) -> bool:
        """Make the topic with so many partitions unless it is there; whether it was made now."""

    def offsets(self) -> TopicOffsets:
        """Where every partition begins and ends."""

    def newest(self) -> datetime | None:
        """The time of the newest record, as its producer or the broker wrote it; None where none is known.

        Times that are further ahead of the clock than `AHEAD` are wrong, and no measure of age.
        """

    def tail(self, count: int) -> list[TopicRecord]:
        """The newest records over all partitions, newest first, at most `count`; values are cut to what a page shows.

        Those behind an open transaction are among them, whether they will be committed or not.
        """

    def count(self, spans: Sequence[Span]) -> list[int | None]:
        """How many committed records each span holds, by reading them; None for one that there was no time for."""

    def read(self, span: Span, *, records: int, size: int) -> list[TopicRecord]:
        """The committed records of a span in their order, whole, up to so many and some `size` bytes."""
