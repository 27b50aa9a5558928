"""A Kafka topic as the destination of records, and as the record of which ones were sent."""

import time
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from controlplane.scenarios.generator.delivery import Found, Rows, Tally, Waiting
from controlplane.scenarios.generator.errors import (
    BrokerUnreachableError,
    DeliveryError,
    PartitionsChangedError,
    TopicMissingError,
)
from controlplane.scenarios.generator.records import Block
from spark_jobs.certificates import kafka_problem
from spark_jobs.kafka_client import KafkaClient, Refusals

if TYPE_CHECKING:
    from controlplane.scenarios.generator.librdkafka import Reports

RUN_HEADER = "scenario-run"
SEQUENCE_HEADER = "sequence"
# Long enough for a broker restart: records wait and are delivered afterwards.
DELIVERY_TIMEOUT_SECONDS = 300
# How long a stopped run waits for records in flight.
STOP_GRACE_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
_MOST_WAITING = 100_000
_PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
    }
)


class KafkaSink:
    """An idempotent producer (acks=all): in order per partition, without loss or duplicates during its lifetime."""

    def __init__(self, kafka: KafkaClient, topic: str, run_id: str, *, partitions: int) -> None:
        self.tally = Tally()
        found = len(start_offsets(kafka, topic))
        if found != partitions:
            raise PartitionsChangedError(
                f"The topic {topic} has {found} partitions, but the run has {partitions}.", "Start a new run instead."
            )
        # Imported here, since it takes a second that callers of the other functions need not wait.
        from controlplane.scenarios.generator.librdkafka import QUEUE_FULL, Producer

        self._queue_full = QUEUE_FULL
        self._producer = Producer(
            {
                **kafka.librdkafka(),
                "client.id": "scenario-generator",
                "enable.idempotence": "true",
                "acks": "all",
                "delivery.timeout.ms": str(DELIVERY_TIMEOUT_SECONDS * 1000),
                "linger.ms": "10",
                "queue.buffering.max.messages": str(_MOST_WAITING),
                "queue.buffering.max.kbytes": str(64 * 1024),
                "topic.metadata.refresh.interval.ms": "30000",
                "reconnect.backoff.max.ms": "1000",
                "log.connection.close": "false",
            },
            topic,
            header=(RUN_HEADER, run_id.encode()),
            number_header=SEQUENCE_HEADER,
            most_waiting=_MOST_WAITING,
        )

    def send(self, block: Block, rows: Rows, waiting: Waiting) -> int:
        """Hand over the records of these rows; returns how many the client took before its queue was full."""
        done = 0
        while done < len(rows):
            taken, error = self._producer.produce(block, rows[done:])
            done += taken
            if error == self._queue_full:
                self._note(self._producer.poll(0.1))
                if not waiting():
                    return done
            elif error:
                self._fail(block.first + int(rows[done]), error)
                done += 1
        self.poll()
        return done

    def poll(self) -> None:
        """Account for the delivery reports that have arrived."""
        self._note(self._producer.poll(0))

    def finish(self, waiting: Waiting) -> None:
        """Wait until every record is delivered or has failed."""
        stopped_at: float | None = None
        while len(self._producer):
            self._note(self._producer.flush(0.2))
            if waiting():
                continue
            stopped_at = stopped_at or time.monotonic()
            if time.monotonic() - stopped_at > STOP_GRACE_SECONDS:
                self.abandon()

    def abandon(self) -> None:
        """Drop the records that are still waiting. They count as failed."""
        self._producer.purge()
        self._note(self._producer.flush(1.0))

    def _note(self, reports: "Reports") -> None:
        self.tally.acknowledged += reports.delivered
        self.tally.latencies.add(reports.latencies)
        for number, error in reports.failed:
            self._fail(number, error)

    def _fail(self, number: int, error: int) -> None:
        self.tally.errors[KafkaError(error).name()] += 1
        self.tally.failed_sequences.append(number)


class _Quiet:
    """A silent logger: connection problems show in the figures of the run."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        pass

    debug = info = warning = error = critical = exception = log


def start_offsets(kafka: KafkaClient, topic: str) -> dict[int, int]:
    """The end offset of each partition: the start of a run that starts now.

    Raises:
        BrokerUnreachableError: no broker is reachable, or the credentials are rejected.
        TopicMissingError: the topic does not exist.
    """
    return _offsets(kafka, topic)[1]


def _offsets(kafka: KafkaClient, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """The start and end offsets of each partition."""
    settings = {
        **kafka.librdkafka(), "client.id": "scenario-generator", "group.id": "scenario-generator",
        "enable.auto.commit": False, "log.connection.close": False,
    }  # fmt: skip
    # Lists all topics instead of this one: requesting the metadata of a missing topic could create it.
    consumer = Consumer(settings, logger=_Quiet())
    refusals = Refusals()
    admin: dict[str, Any] = {**kafka.librdkafka(), "error_cb": refusals}
    client = AdminClient(admin, logger=_Quiet())
    try:
        topics = client.list_topics(timeout=_ANSWER_SECONDS).topics
        if topic not in topics:
            raise TopicMissingError(
                f"The topic {topic} does not exist on Kafka at {kafka.bootstrap_servers}.",
                "Create it, or use another topic.",
            )
        marks = {partition: _marks(consumer, topic, partition) for partition in sorted(topics[topic].partitions)}
    except KafkaException as error:
        client.poll(0)
        if refusals.reason:
            raise BrokerUnreachableError(
                f"Kafka at {kafka.bootstrap_servers} rejected the credentials of {kafka.username!r}.",
                "Set KAFKA_GENERATOR_USERNAME and KAFKA_GENERATOR_PASSWORD to a valid account.",
            ) from None
        if refusals.handshake and (problem := kafka_problem(kafka.bootstrap_servers, kafka.ca, _ANSWER_SECONDS)):
            what, remedy = problem.split(". ", 1)
            raise BrokerUnreachableError(f"{what}.", remedy) from None
        raise BrokerUnreachableError(
            f"Kafka at {kafka.bootstrap_servers} is unreachable ({error.args[0].name()}).",
            "Start it, or use another address.",
        ) from None
    finally:
        consumer.close()
    return {p: low for p, (low, _) in marks.items()}, {p: high for p, (_, high) in marks.items()}


def _marks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    until = time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_SECONDS)
            return low, high
        except KafkaException as error:
            # A new topic, or one whose leader moves, becomes available after a moment.
            if time.monotonic() > until or error.args[0].code() not in _PASSING:
                raise
            time.sleep(0.2)


# Not `message.headers()`: if a name is not UTF-8, the method returns a list with null pointers and sets an exception,
# which CPython does not raise for a call that its interpreter has specialized.
_HEADERS = methodcaller("headers")


def _headers_of(message: Any) -> list[Any]:
    """The headers of a record; none if confluent-kafka can't decode a name, which no record of a run has."""
    try:
        return _HEADERS(message) or []
    except (SystemError, UnicodeDecodeError):
        return []


def _sequence_of(headers: Any, run: bytes) -> int | None:
    """The number of a record of this run; None for other records. Other producers may write any header."""
    first = dict(reversed(headers))
    sequence = first.get(SEQUENCE_HEADER) or b""
    return int(sequence) if first.get(RUN_HEADER) == run and sequence.isdigit() and len(sequence) <= 18 else None


def found_in_topic(
    kafka: KafkaClient, topic: str, run_id: str, since: dict[int, int], waiting: Waiting = lambda: True
) -> Found:
    """The records of a run that are on the topic. The topic itself is the record of what was sent, so a killed run can
    be restarted without skipping or repeating records.

    Args:
        since: the end offsets of the partitions before the run started.

    Raises:
        DeliveryError: the first records of the run are no longer on the topic; or as `start_offsets`.
    """
    consumer = Consumer(
        {
            **kafka.librdkafka(), "client.id": "scenario-generator", "group.id": f"scenario-run-{run_id}",
            "enable.auto.commit": False, "isolation.level": "read_uncommitted", "auto.offset.reset": "error",
            "log.connection.close": False,
            # The last offsets of a partition may be transaction markers without a record.
            "enable.partition.eof": True,
        },
        logger=_Quiet(),
    )  # fmt: skip
    wanted, found = run_id.encode(), []
    begun = time.monotonic()
    try:
        low, ends = _offsets(kafka, topic)
        if set(since) != set(ends):
            raise PartitionsChangedError(
                f"The partitions of {topic} changed since the run started.", "Start a new run instead."
            )
        gone = [partition for partition, offset in since.items() if low[partition] > offset]
        if gone:
            raise DeliveryError(f"The first records of the run are no longer on {topic}.", "Start a new run instead.")
        if any(offset > ends[partition] for partition, offset in since.items()):
            raise DeliveryError(f"{topic} was recreated since the run started.", "Start a new run instead.")
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in since.items()])
        at = dict(since)
        # Records in flight of a killed producer may arrive a moment later: read to the end a second time.
        looked_again = False
        while True:
            if all(at[partition] >= end for partition, end in ends.items()):
                if looked_again:
                    break
                time.sleep(max(1.0 - (time.monotonic() - begun), 0))
                ends, looked_again = _offsets(kafka, topic)[1], True
                continue
            for message in consumer.consume(10_000, timeout=0.5):
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise DeliveryError(f"Reading {topic} failed: {error.str()}.", "See the broker log.")
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                if error is not None:
                    at[partition] = max(at[partition], offset)
                    continue
                at[partition] = offset + 1
                sequence = _sequence_of(_headers_of(message), wanted)
                if sequence is not None:
                    found.append(sequence)
            if not waiting():
                raise DeliveryError("Stopped while searching the topic for sent records.")
    finally:
        consumer.close()
    sequences = np.unique(np.array(found, np.int64))
    return Found(sequences, twice=len(found) - len(sequences))
