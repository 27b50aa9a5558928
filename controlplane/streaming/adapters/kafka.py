"""The event topic on Apache Kafka, through confluent-kafka."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._topic import TopicDescription
from confluent_kafka.cimpl import NewTopic

from controlplane.streaming.adapters.kafka_tail import READING, Tail, decoded, record_of
from controlplane.streaming.ports import (
    AHEAD,
    EventTopicError,
    PartitionOffsets,
    Span,
    TopicMissingError,
    TopicOffsets,
    TopicRecord,
    TopicUnreachableError,
)
from spark_jobs.bronze.events.calendar import NONE, time_of
from spark_jobs.certificates import kafka_problem
from spark_jobs.kafka_client import KafkaClient, Refusals

SECONDS = 4.0
# The deadline for counting or reading records, which runs in the background, unlike every other request.
COUNT_SECONDS = 15.0
# The number of last records to check for the newest timestamp when the broker's answer is an implausible time.
TRUSTED = 20
_SILENT = {
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
}
# Transient errors of a topic that was just created or has just lost its leader.
_SETTLING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
}
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_NEWEST: OffsetSpec = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
_Answer = TypeVar("_Answer")


class KafkaEventTopic:
    """Queries the brokers on every call, over one admin connection that reconnects automatically.

    Args:
        client: the account that describes and creates the topic.
        topic: the topic's name.
        seconds: the deadline of one request.
    """

    def __init__(self, client: KafkaClient, topic: str, *, seconds: float = SECONDS) -> None:
        self._refusals = Refusals()
        self._username = client.username
        self._servers, self._ca = client.bootstrap_servers, client.ca
        self._topic = topic
        self._seconds = seconds
        # The results already report an unreachable broker; librdkafka would also log every attempt.
        self._settings: dict[str, Any] = {
            **client.librdkafka(),
            "error_cb": self._refusals,
            "log_level": 2,
            "socket.connection.setup.timeout.ms": 3000,
            "reconnect.backoff.max.ms": 2000,
        }
        self._client: AdminClient | None = None

    def ensure(self, partitions: int) -> bool:
        try:
            self._described()
            return False
        except TopicMissingError:
            pass
        made = self._admin().create_topics(
            [NewTopic(self._topic, num_partitions=partitions)], request_timeout=self._seconds
        )
        try:
            self._answer(made[self._topic])
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise EventTopicError(error.args[0].str()) from error
        self._wait_until_made()
        return True

    def offsets(self) -> TopicOffsets:
        described = self._described()
        partitions = sorted(partition.id for partition in described.partitions)
        # In this order: records that arrive in between must not yield an end before the beginning.
        begins = self._places(partitions, _EARLIEST)
        ends = self._places(partitions, _LATEST, isolation=IsolationLevel.READ_COMMITTED)
        tips = self._places(partitions, _LATEST)
        return TopicOffsets(
            self._topic,
            str(described.topic_id),
            tuple(
                PartitionOffsets(
                    number, begins[number].offset, ends[number].offset, max(tips[number].offset, ends[number].offset)
                )
                for number in partitions
            ),
        )

    def newest(self) -> datetime | None:
        limit = datetime.now(UTC) + AHEAD
        stamps = [place.timestamp for place in self._places(self._partitions(), _NEWEST).values()]
        if all(stamp == NONE or ((at := time_of(stamp)) and at <= limit) for stamp in stamps):
            return max((at for stamp in stamps if (at := time_of(stamp))), default=None)
        # One implausible timestamp hides the others of its partition from the broker's answer: read the last records.
        return max((record.at for record in self.tail(TRUSTED) if record.at and record.at <= limit), default=None)

    def tail(self, count: int) -> list[TopicRecord]:
        return Tail(self._settings, self._topic, self._seconds, self._named).newest(self.offsets(), count)

    def count(self, spans: Sequence[Span]) -> list[int | None]:
        deadline = time.monotonic() + COUNT_SECONDS
        with closing(self._reader()) as reader:
            return [self._counted(reader, span, deadline) for span in spans]

    def _counted(self, reader: Consumer, span: Span, deadline: float) -> int | None:
        found = 0
        for messages in self._chunks(reader, span, deadline):
            if messages is None:
                return None
            found += len(messages)
        return found

    def read(self, span: Span, *, records: int, size: int) -> list[TopicRecord]:
        found: list[TopicRecord] = []
        held = 0
        deadline = time.monotonic() + COUNT_SECONDS
        with closing(self._reader()) as reader:
            for messages in self._chunks(reader, span, deadline, at_once=500):
                if messages is None:
                    raise TopicUnreachableError(
                        f"Kafka did not return records {span.partition}:{span.start} to {span.end} in time."
                    )
                chunk = [record_of(message) for message in messages]
                found += decoded(chunk, self._settings, self._topic, deadline)
                held += sum(record.content_size for record in found[-len(chunk) :])
                if len(found) >= records or held >= size:
                    break
        return found[:records]

    def _reader(self) -> Consumer:
        """A consumer of committed records that reports the end of a partition.

        The group id is mandatory, but no group is joined: partitions are assigned here and nothing is committed.
        """
        return Consumer({**self._settings, **READING, "isolation.level": "read_committed"})

    def _chunks(
        self, reader: Consumer, span: Span, deadline: float, *, at_once: int = 10_000
    ) -> Iterator[list[Any] | None]:
        """The messages of a span in chunks; a final None when the deadline passes."""
        if span.start >= span.end:
            return
        reader.assign([TopicPartition(self._topic, span.partition, span.start)])
        while True:
            if time.monotonic() > deadline:
                yield None
                return
            messages: list[Any] = []
            is_over = False
            for message in reader.consume(at_once, timeout=0.2):
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise self._named(KafkaException(error))
                offset = message.offset()
                if error is not None or offset is None or offset >= span.end:
                    is_over = True
                    break
                messages.append(message)
            if messages:
                is_over = is_over or messages[-1].offset() + 1 >= span.end
                yield messages
            if is_over:
                return

    def _wait_until_made(self) -> None:
        """Wait for the brokers of the topic: they learn of it milliseconds after the controller created it."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                self.offsets()
                return
            except TopicMissingError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _partitions(self) -> list[int]:
        return sorted(partition.id for partition in self._described().partitions)

    def _described(self) -> TopicDescription:
        # Not `list_topics`: requesting metadata by name creates the topic if brokers allow auto-creation.
        asked = self._admin().describe_topics(TopicCollection([self._topic]), request_timeout=self._seconds)
        try:
            described: TopicDescription = self._answer(asked[self._topic])
        except KafkaException as error:
            if error.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
                raise TopicMissingError(f"Topic {self._topic} does not exist.") from error
            raise EventTopicError(error.args[0].str()) from error
        return described

    def _places(
        self,
        partitions: list[int],
        spec: OffsetSpec,
        *,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[int, Any]:
        """The `offset` and `timestamp` (milliseconds, -1 for none) that the broker reports, by partition."""
        deadline = time.monotonic() + self._seconds
        while True:
            asked = self._admin().list_offsets(
                {TopicPartition(self._topic, number): spec for number in partitions},
                isolation_level=isolation,
                request_timeout=self._seconds,
            )
            try:
                return {place.partition: self._answer(answer) for place, answer in asked.items()}
            except KafkaException as error:
                said = error.args[0]
                if said.code() not in _SETTLING or time.monotonic() > deadline:
                    raise EventTopicError(said.str()) from error
            time.sleep(0.1)

    def _admin(self) -> AdminClient:
        if self._client is None:
            self._client = AdminClient(self._settings)
        return self._client

    def _answer(self, future: "Future[_Answer]") -> _Answer:
        """The result of a future. Raises the broker's error unchanged, and a timeout as TopicUnreachableError."""
        ask: Callable[[], _Answer] = lambda: future.result(timeout=self._seconds + 1)  # noqa: E731
        try:
            answer = ask()
            self._refusals.clear()
            return answer
        except TimeoutError as error:
            raise self._silence("No broker responded in time.") from error
        except KafkaException as error:
            if error.args[0].code() in _SILENT:
                raise self._named(error) from error
            raise

    def _silence(self, otherwise: str) -> TopicUnreachableError:
        """The error of a call without a response, which may also mean that the account was rejected."""
        if self._client is not None:
            self._client.poll(0)
        if self._refusals.reason:
            return TopicUnreachableError(f"Kafka rejected the account {self._username!r}.")
        if self._refusals.handshake and (problem := kafka_problem(self._servers, self._ca, self._seconds)):
            return TopicUnreachableError(problem)
        return TopicUnreachableError(otherwise)

    def _named(self, error: KafkaException) -> EventTopicError:
        said: KafkaError = error.args[0]
        if said.code() in _SILENT:
            return self._silence(f"No broker responds: {said.str()}.")
        return EventTopicError(said.str())
