"""Ports of the streaming room: the engine that runs the stream and the topic that it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from spark_jobs.bronze.events.calendar import time_of

# The furthest that a record's time may be ahead of the clock: the broker's default (message.timestamp.after.max.ms).
AHEAD = timedelta(hours=1)


class StreamEngineError(Exception):
    """The engine rejected the request. The text is its error."""


class EngineUnreachableError(StreamEngineError):
    """The engine does not respond in time. Its state is unknown."""


class EventTopicError(Exception):
    """The broker rejected the request. The text is its error."""


class TopicUnreachableError(EventTopicError):
    """No broker responds in time."""


class TopicMissingError(EventTopicError):
    """The topic does not exist."""


# Spark's error for a record whose timestamp it can't convert.
TIMESTAMP_OVERFLOW = "long overflow"


@dataclass(frozen=True)
class StartRequest:
    """What to start. `checkpoint` is an address; `run_id` names this start and is stamped into every commit.

    `starts` are the start offsets by partition for a query without a checkpoint; empty: earliest.
    """

    run_id: UUID
    checkpoint: str
    trigger_seconds: int
    max_offsets_per_trigger: int
    configuration: int
    starts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class QueryRef:
    """One run of the query: `query_id` is stored in the checkpoint and survives restarts, `run_id` does not."""

    query_id: str
    run_id: str


@dataclass(frozen=True)
class ActiveQuery:
    """The query that the engine is running; `message` is Spark's status message."""

    ref: QueryRef
    message: str


@dataclass(frozen=True)
class StartPreconditions:
    """The preconditions of a start: rows in bronze, and whether the checkpoint exists."""

    bronze_rows: int
    checkpoint_found: bool


@dataclass(frozen=True)
class Positions:
    """The next offset of a checkpoint by partition: after the last finished batch (`done`), and after the last
    planned batch (`planned`; the same if no batch is open)."""

    done: Mapping[str, int]
    planned: Mapping[str, int]


@dataclass(frozen=True)
class BatchProgress:
    """One report of the query. `durations` are milliseconds per phase; offsets are by partition number as text.

    A report without rows means that there was no new data; its `batch_id` is that of the next batch.
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


# The parts of a record that pages and the API show, in bytes. A name of a header has up to SHOWN_NAME characters.
SHOWN_VALUE = 4096
SHOWN_KEY = 1024
SHOWN_HEADERS = 50
SHOWN_HEADERS_SIZE = 8192
SHOWN_HEADER_VALUE = 1024
SHOWN_NAME = 200

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class TopicRecord:
    """One record of the topic.

    `timestamp` is the producer's timestamp in milliseconds (-1 for none), and `at` the same as a datetime; None if
    there is none or it is out of range. `size` is that of the value in bytes. Header names may repeat, and header
    values may be null. Bytes of a header name that are not UTF-8 are U+FFFD.
    `is_committed` is False for a record behind an open transaction, which the stream does not read yet.
    `full_headers` is the number and the size in bytes of all headers, if the record is truncated.
    """

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    size: int
    headers: Headers = ()
    is_committed: bool = True
    full_headers: tuple[int, int] | None = None

    @property
    def at(self) -> datetime | None:
        """The record's timestamp; None if it has none or it is out of range."""
        return time_of(self.timestamp)

    @property
    def header_count(self) -> int:
        """The number of headers, including those that are not returned."""
        return len(self.headers) if self.full_headers is None else self.full_headers[0]

    @property
    def header_size(self) -> int:
        """The size of all header names and values in bytes."""
        if self.full_headers is not None:
            return self.full_headers[1]
        return sum(len(name.encode()) + len(value or b"") for name, value in self.headers)

    @property
    def content_size(self) -> int:
        """The size of value, key and headers in bytes."""
        return self.size + len(self.key or b"") + self.header_size

    def truncated(self) -> "TopicRecord":
        """The record with at most the parts that are shown. `size`, `header_count` and `header_size` stay."""
        shown: list[tuple[str, bytes | None]] = []
        left = SHOWN_HEADERS_SIZE
        for name, value in self.headers[:SHOWN_HEADERS]:
            one = (name[:SHOWN_NAME], None if value is None else _beginning(value, SHOWN_HEADER_VALUE))
            left -= len(one[0].encode()) + len(one[1] or b"")
            if left < 0:
                break
            shown.append(one)
        return replace(
            self,
            key=None if self.key is None else _beginning(self.key, SHOWN_KEY),
            value=None if self.value is None else _beginning(self.value, SHOWN_VALUE),
            headers=tuple(shown),
            full_headers=(self.header_count, self.header_size),
        )


def _beginning(content: bytes, size: int) -> bytes:
    """The first bytes. The end of a text is not in the middle of a character."""
    found = content[:size]
    if len(found) == len(content):
        return content
    try:
        content.decode()
    except UnicodeDecodeError:
        return found
    return found.decode(errors="ignore").encode()


class StreamEngine(Protocol):
    """Runs the stream. Every call ends within its deadline.

    Raises:
        EngineUnreachableError: from every method, if the engine does not respond in time.
        StreamEngineError: if the engine rejects the request.
    """

    def version(self) -> str:
        """The engine's version: the cheapest request."""

    def active(self) -> ActiveQuery | None:
        """The running query, regardless of which process started it."""

    def prepare(self, checkpoint: str) -> StartPreconditions:
        """Create missing tables, and return the preconditions of a start with this checkpoint."""

    def start(self, order: StartRequest) -> ActiveQuery:
        """Start the query, or return the one that is already running."""

    def stop(self) -> None:
        """Stop the running query, if any, before or after its current batch. No data is lost either way."""

    def progress(self, ref: QueryRef, *, after: int = -1) -> list[BatchProgress]:
        """Reports since batch `after`, oldest first, at least the last one; empty if the query is no longer known."""

    def failure(self, ref: QueryRef) -> str | None:
        """Why this run failed, or None if it was stopped, is running or is no longer known."""

    def positions(self, checkpoint: str) -> Positions | None:
        """The positions of this checkpoint; None if it does not exist."""

    def take_in(self, records: Sequence[TopicRecord], *, checkpoint: str) -> None:
        """Append records that the query of this checkpoint can't read to bronze. Idempotent.

        Their time is null in bronze if it is out of range.
        """


@dataclass(frozen=True)
class PartitionOffsets:
    """Offsets of one partition. Offsets are not records: transaction markers and aborted records have offsets too.

    `begin` is the first retained offset, `end` the one after the last that a read_committed consumer reaches, and
    `tip` the offset of the next record. Offsets from `end` to `tip` are behind an open transaction.
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
        """The number of retained offsets: an upper bound of the records for a read_committed consumer."""
        return sum(max(0, partition.end - partition.begin) for partition in self.partitions)

    def behind(self, read: Mapping[str, int]) -> int:
        """The lag in offsets of a consumer at `read`: an upper bound of its lag in records."""
        return sum(self.behind_in(partition, read) for partition in self.partitions)

    def behind_in(self, partition: PartitionOffsets, read: Mapping[str, int]) -> int:
        """The lag of a consumer on one partition, in offsets."""
        return offsets_behind(partition.begin, partition.end, read.get(str(partition.partition)))


def offsets_behind(begin: int, end: int, read: int | None) -> int:
    """The lag of a consumer on one partition, in offsets."""
    return max(0, end - (begin if read is None else max(read, begin)))


@dataclass(frozen=True)
class Span:
    """Offsets of a partition from `start` up to but excluding `end`."""

    partition: int
    start: int
    end: int


class EventTopic(Protocol):
    """The topic that the stream reads.

    Raises:
        TopicUnreachableError: from every method, if no broker responds in time.
        TopicMissingError: from all methods but `ensure`, if the topic does not exist.
    """

    def ensure(self, partitions: int) -> bool:
        """Create the topic with this number of partitions unless it exists. Returns whether it was created."""

    def offsets(self) -> TopicOffsets:
        """The offsets of every partition."""

    def newest(self) -> datetime | None:
        """The timestamp of the newest record, as set by its producer or the broker; None if unknown.

        Timestamps further ahead of the clock than `AHEAD` are ignored.
        """

    def tail(self, count: int) -> list[TopicRecord]:
        """The newest records of all partitions, newest first, at most `count`, truncated for display.

        Records behind an open transaction are included, whether they will be committed or not.
        """

    def count(self, spans: Sequence[Span]) -> list[int | None]:
        """The number of committed records in each span, by reading them; None if the deadline passed before."""

    def read(self, span: Span, *, records: int, size: int) -> list[TopicRecord]:
        """The complete committed records of a span in order, up to `records` and about `size` bytes."""
