"""A Kafka topic as the place where records go, and as the record of which ones have gone there."""

import time
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
# Long enough for a broker to be started again: what it can't take now, it takes then.
DELIVERY_TIMEOUT_SECONDS = 300
# How long a stopped run waits for what is already under way.
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
    """An idempotent producer (acks=all): per partition in order, none lost and none twice while it lives."""

    def __init__(self, kafka: KafkaClient, topic: str, run_id: str, *, partitions: int) -> None:
        self.tally = Tally()
        found = len(start_offsets(kafka, topic))
        if found != partitions:
            raise PartitionsChangedError(
                f"{topic} has {found} partitions, the run has {partitions}.", "Start a new run instead."
            )
        # Imported here, since it takes a second: who only asks the topic something does not wait for it.
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
        self._note(self._producer.poll(0))

    def finish(self, waiting: Waiting) -> None:
        stopped_at: float | None = None
        while len(self._producer):
            self._note(self._producer.flush(0.2))
            if waiting():
                continue
            stopped_at = stopped_at or time.monotonic()
            if time.monotonic() - stopped_at > STOP_GRACE_SECONDS:
                self.abandon()

    def abandon(self) -> None:
        """Give up what is still waiting; it counts as failed."""
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
    """Connection trouble shows in the run's figures; the client's own lines would only repeat it."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        pass

    debug = info = warning = error = critical = exception = log


def start_offsets(kafka: KafkaClient, topic: str) -> dict[int, int]:
    """The offset after the newest record of each partition: where a run that begins now begins.

    Raises:
        BrokerUnreachableError: no broker answered, or it refuses the account.
        TopicMissingError: there is no such topic.
    """
    return _offsets(kafka, topic)[1]


def _offsets(kafka: KafkaClient, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """The offsets of the oldest record and after the newest one, of each partition."""
    settings = {
        **kafka.librdkafka(), "client.id": "scenario-generator", "group.id": "scenario-generator",
        "enable.auto.commit": False, "log.connection.close": False,
    }  # fmt: skip
    # Asked for all topics rather than for this one: asking for a missing one would make it.
    consumer = Consumer(settings, logger=_Quiet())
    refusals = Refusals()
    admin: dict[str, Any] = {**kafka.librdkafka(), "error_cb": refusals}
    client = AdminClient(admin, logger=_Quiet())
    try:
        topics = client.list_topics(timeout=_ANSWER_SECONDS).topics
        if topic not in topics:
            raise TopicMissingError(
                f"The broker at {kafka.bootstrap_servers} has no topic {topic}.", "Make it, or name another one."
            )
        marks = {partition: _marks(consumer, topic, partition) for partition in sorted(topics[topic].partitions)}
    except KafkaException as error:
        client.poll(0)
        if refusals.reason:
            raise BrokerUnreachableError(
                f"Kafka at {kafka.bootstrap_servers} refuses the account {kafka.username!r}.",
                "Set KAFKA_GENERATOR_USERNAME and KAFKA_GENERATOR_PASSWORD to an account that it knows.",
            ) from None
        if refusals.handshake and (problem := kafka_problem(kafka.bootstrap_servers, kafka.ca, _ANSWER_SECONDS)):
            what, remedy = problem.split(". ", 1)
            raise BrokerUnreachableError(f"{what}.", remedy) from None
        raise BrokerUnreachableError(
            f"Kafka at {kafka.bootstrap_servers} does not answer ({error.args[0].name()}).",
            "Start it, or name another address.",
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
            # A topic that was made a moment ago, or whose leader moves, answers a moment later.
            if time.monotonic() > until or error.args[0].code() not in _PASSING:
                raise
            time.sleep(0.2)


def _sequence_of(headers: Any, run: bytes) -> int | None:
    """The number of a record of this run; None for the record of another. Anyone may write any header to the topic."""
    first = dict(reversed(headers))
    sequence = first.get(SEQUENCE_HEADER) or b""
    return int(sequence) if first.get(RUN_HEADER) == run and sequence.isdigit() and len(sequence) <= 18 else None


def found_in_topic(
    kafka: KafkaClient, topic: str, run_id: str, since: dict[int, int], waiting: Waiting = lambda: True
) -> Found:
    """Which records of a run the topic holds. The topic itself is the record of what was sent, so a killed run can be
    taken up again with nothing skipped and nothing sent twice.

    Args:
        since: the partitions' end offsets from before the run began.

    Raises:
        DeliveryError: the topic's oldest records are gone, so nobody can tell; or as `start_offsets`.
    """
    consumer = Consumer(
        {
            **kafka.librdkafka(), "client.id": "scenario-generator", "group.id": f"scenario-run-{run_id}",
            "enable.auto.commit": False, "isolation.level": "read_uncommitted", "auto.offset.reset": "error",
            "log.connection.close": False,
            # The last offsets of a partition may hold no record: markers of transactions.
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
                f"{topic} no longer has the partitions of the run.", "Start a new run instead."
            )
        gone = [partition for partition, offset in since.items() if low[partition] > offset]
        if gone:
            raise DeliveryError(f"{topic} no longer holds the beginning of the run.", "Start a new run instead.")
        if any(offset > ends[partition] for partition, offset in since.items()):
            raise DeliveryError(f"{topic} was created again since the run began.", "Start a new run instead.")
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in since.items()])
        at = dict(since)
        # What a killed producer had already handed to the network may arrive a moment later: look a second time.
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
                    raise DeliveryError(f"{topic} can't be read: {error.str()}.", "See the broker's log.")
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                if error is not None:
                    at[partition] = max(at[partition], offset)
                    continue
                at[partition] = offset + 1
                sequence = _sequence_of(message.headers() or [], wanted)
                if sequence is not None:
                    found.append(sequence)
            if not waiting():
                raise DeliveryError("Stopped while looking for what was already sent.")
    finally:
        consumer.close()
    sequences = np.unique(np.array(found, np.int64))
    return Found(sequences, twice=len(found) - len(sequences))
