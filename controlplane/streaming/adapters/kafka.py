"""The event topic on Apache Kafka, through confluent-kafka."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, TypeVar

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from controlplane.streaming.ports import (
    EventTopicError,
    PartitionOffsets,
    TopicMissingError,
    TopicOffsets,
    TopicRecord,
    TopicUnreachableError,
)
from spark_jobs.certificates import kafka_problem
from spark_jobs.kafka_client import KafkaClient, Refusals

SECONDS = 4.0
SHOWN_BYTES = 4096
_SILENT = {
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
}
# A topic that was just made, or whose leader just went, answers so for a moment.
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
    """Asks the brokers each time; holds one admin connection, which reconnects by itself.

    Args:
        client: the account that looks at the topic and creates it.
        topic: the topic's name.
        seconds: how long one question may take.
    """

    def __init__(self, client: KafkaClient, topic: str, *, seconds: float = SECONDS) -> None:
        self._refusals = Refusals()
        self._username = client.username
        self._servers, self._ca = client.bootstrap_servers, client.ca
        self._topic = topic
        self._seconds = seconds
        # A broker that is away is told by the answers; librdkafka would also print every attempt.
        self._settings: dict[str, Any] = {
            **client.librdkafka(),
            "error_cb": self._refusals,
            "log_level": 2,
            "socket.connection.setup.timeout.ms": 3000,
            "reconnect.backoff.max.ms": 2000,
        }
        self._client: AdminClient | None = None

    def ensure(self, partitions: int) -> bool:
        if self._partitions(missing_ok=True):
            return False
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
        partitions = self._partitions()
        begins, ends = (
            {number: place.offset for number, place in self._places(partitions, spec).items()}
            for spec in (_EARLIEST, _LATEST)
        )
        return TopicOffsets(
            self._topic, tuple(PartitionOffsets(number, begins[number], ends[number]) for number in partitions)
        )

    def newest(self) -> datetime | None:
        stamp = max(place.timestamp for place in self._places(self._partitions(), _NEWEST).values())
        return datetime.fromtimestamp(stamp / 1000, UTC) if stamp >= 0 else None

    def tail(self, count: int) -> list[TopicRecord]:
        filled = [partition for partition in self.offsets().partitions if partition.records]
        starts = [TopicPartition(self._topic, one.partition, max(one.begin, one.end - count)) for one in filled]
        wanted = {one.partition: one.end for one in filled}
        # A group's name is asked for though none is joined: partitions are assigned here and nothing is committed.
        consumer = Consumer({**self._settings, "group.id": "controlplane-tail", "enable.auto.commit": False})
        found: list[TopicRecord] = []
        deadline = time.monotonic() + self._seconds
        try:
            consumer.assign(starts)
            while wanted and time.monotonic() < deadline:
                message = consumer.poll(0.2)
                if message is None:
                    continue
                if message.error() is not None:
                    raise self._named(KafkaException(message.error()))
                record = _record(message)
                found.append(record)
                if record.offset + 1 >= wanted.get(record.partition, 0):
                    wanted.pop(record.partition, None)
        finally:
            consumer.close()
        found.sort(key=lambda record: (record.at or datetime.min.replace(tzinfo=UTC), record.offset), reverse=True)
        return found[:count]

    def _wait_until_made(self) -> None:
        """The brokers that hold a topic learn of it some milliseconds after the one that was asked to make it."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                self.offsets()
                return
            except TopicMissingError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _partitions(self, *, missing_ok: bool = False) -> list[int]:
        # `describe_topics` and not `list_topics`: asking for metadata by name makes the topic where brokers allow it.
        asked = self._admin().describe_topics(TopicCollection([self._topic]), request_timeout=self._seconds)
        try:
            described = self._answer(asked[self._topic])
        except KafkaException as error:
            if error.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
                if missing_ok:
                    return []
                raise TopicMissingError(f"There is no topic {self._topic}.") from error
            raise EventTopicError(error.args[0].str()) from error
        return sorted(partition.id for partition in described.partitions)

    def _places(self, partitions: list[int], spec: OffsetSpec) -> dict[int, Any]:
        """By partition, the `offset` and `timestamp` (milliseconds, -1 where there is none) that the broker tells."""
        deadline = time.monotonic() + self._seconds
        while True:
            asked = self._admin().list_offsets(
                {TopicPartition(self._topic, number): spec for number in partitions}, request_timeout=self._seconds
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
        """Raises what the broker said as it said it, and its silence as TopicUnreachableError."""
        ask: Callable[[], _Answer] = lambda: future.result(timeout=self._seconds + 1)  # noqa: E731
        try:
            answer = ask()
            self._refusals.clear()
            return answer
        except TimeoutError as error:
            raise self._silence("No broker answered in time.") from error
        except KafkaException as error:
            if error.args[0].code() in _SILENT:
                raise self._named(error) from error
            raise

    def _silence(self, otherwise: str) -> TopicUnreachableError:
        """The error of a call that nobody answered: a refused account looks the same to it."""
        if self._client is not None:
            self._client.poll(0)
        if self._refusals.reason:
            return TopicUnreachableError(f"Kafka refuses the account {self._username!r}.")
        if self._refusals.handshake and (problem := kafka_problem(self._servers, self._ca, self._seconds)):
            return TopicUnreachableError(problem)
        return TopicUnreachableError(otherwise)

    def _named(self, error: KafkaException) -> EventTopicError:
        said: KafkaError = error.args[0]
        if said.code() in _SILENT:
            return self._silence(f"No broker answers: {said.str()}.")
        return EventTopicError(said.str())


def _record(message: Any) -> TopicRecord:
    kind, stamp = message.timestamp()
    value = message.value()
    return TopicRecord(
        partition=message.partition(),
        offset=message.offset(),
        at=None if kind == TIMESTAMP_NOT_AVAILABLE else datetime.fromtimestamp(stamp / 1000, UTC),
        key=message.key(),
        value=None if value is None else value[:SHOWN_BYTES],
        size=len(value or b""),
        headers={name: (text or b"").decode(errors="replace") for name, text in message.headers() or []},
    )
