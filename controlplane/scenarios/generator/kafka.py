"""A Kafka topic as the place where records go, and as the record of which ones have gone there."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from controlplane.scenarios.generator.delivery import Found, Tally, Waiting
from controlplane.scenarios.generator.errors import (
    BrokerUnreachableError,
    DeliveryError,
    PartitionsChangedError,
    TopicMissingError,
)

RUN_HEADER = "scenario-run"
SEQUENCE_HEADER = "sequence"
# Long enough for a broker to be started again: what it can't take now, it takes then.
DELIVERY_TIMEOUT_SECONDS = 300
# How long a stopped run waits for what is already under way.
STOP_GRACE_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
# The latency of one record in so many is looked at.
_LATENCY_OF_EVERY = 16
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

    def __init__(self, bootstrap: str, topic: str, run_id: str, *, partitions: int) -> None:
        self.tally = Tally()
        self._topic = topic
        self._run = (RUN_HEADER, run_id.encode())
        found = len(start_offsets(bootstrap, topic))
        if found != partitions:
            raise PartitionsChangedError(
                f"{topic} has {found} partitions, the run has {partitions}.", "Start a new run instead."
            )
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "client.id": "scenario-generator",
                "enable.idempotence": True,
                "acks": "all",
                "delivery.timeout.ms": DELIVERY_TIMEOUT_SECONDS * 1000,
                "linger.ms": 10,
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": 64 * 1024,
                "topic.metadata.refresh.interval.ms": 30_000,
                "reconnect.backoff.max.ms": 1000,
                "log.connection.close": False,
            },
            logger=_Quiet(),
        )

    def send(
        self,
        sequences: Sequence[int],
        partitions: Sequence[int],
        keys: Sequence[bytes],
        values: Sequence[bytes],
        waiting: Waiting,
    ) -> int:
        produce, topic, run = self._producer.produce, self._topic, self._run
        sent = 0
        for sequence, partition, key, value in zip(sequences, partitions, keys, values, strict=True):
            headers: list[tuple[str, str | bytes | None]] = [run, (SEQUENCE_HEADER, b"%d" % sequence)]
            while True:
                try:
                    # By place: names would take a tenth more of the time of sending.
                    produce(topic, value, key, partition, partial(self._report, sequence), None, 0, headers)
                    break
                except BufferError:
                    self._producer.poll(0.1)
                    if not waiting():
                        return sent
                except KafkaException as error:
                    self._fail(error.args[0], sequence)
                    break
            sent += 1
        self._producer.poll(0)
        return sent

    def poll(self) -> None:
        self._producer.poll(0)

    def finish(self, waiting: Waiting) -> None:
        stopped_at: float | None = None
        while len(self._producer):
            self._producer.flush(0.2)
            if waiting():
                continue
            stopped_at = stopped_at or time.monotonic()
            if time.monotonic() - stopped_at > STOP_GRACE_SECONDS:
                self.abandon()

    def abandon(self) -> None:
        """Give up what is still waiting; it counts as failed."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _report(self, sequence: int, error: KafkaError | None, message: Message) -> None:
        # The number comes with the callback: the report of a failed record has lost its headers.
        if error is None:
            self.tally.acknowledged += 1
            if not sequence % _LATENCY_OF_EVERY:
                took = message.latency()
                if took is not None:
                    self.tally.latencies.add(took)
        else:
            self._fail(error, sequence)

    def _fail(self, error: KafkaError, sequence: int) -> None:
        self.tally.errors[error.name()] += 1
        self.tally.failed_sequences.append(sequence)


class _Quiet:
    """Connection trouble shows in the run's figures; the client's own lines would only repeat it."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        pass

    debug = info = warning = error = critical = exception = log


def start_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset after the newest record of each partition: where a run that begins now begins.

    Raises:
        BrokerUnreachableError: no broker answered.
        TopicMissingError: there is no such topic.
    """
    return _offsets(bootstrap, topic)[1]


def _offsets(bootstrap: str, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """The offsets of the oldest record and after the newest one, of each partition."""
    settings = {
        "bootstrap.servers": bootstrap, "client.id": "scenario-generator", "group.id": "scenario-generator",
        "enable.auto.commit": False, "log.connection.close": False,
    }  # fmt: skip
    # Asked for all topics rather than for this one: asking for a missing one would make it.
    consumer = Consumer(settings, logger=_Quiet())
    try:
        client = AdminClient({"bootstrap.servers": bootstrap}, logger=_Quiet())
        topics = client.list_topics(timeout=_ANSWER_SECONDS).topics
        if topic not in topics:
            raise TopicMissingError(f"The broker at {bootstrap} has no topic {topic}.", "Make it, or name another one.")
        marks = {partition: _marks(consumer, topic, partition) for partition in sorted(topics[topic].partitions)}
    except KafkaException as error:
        raise BrokerUnreachableError(
            f"Kafka at {bootstrap} does not answer ({error.args[0].name()}).", "Start it, or name another address."
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


def found_in_topic(
    bootstrap: str, topic: str, run_id: str, since: dict[int, int], waiting: Waiting = lambda: True
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
            "bootstrap.servers": bootstrap, "client.id": "scenario-generator", "group.id": f"scenario-run-{run_id}",
            "enable.auto.commit": False, "isolation.level": "read_uncommitted", "auto.offset.reset": "error",
            "log.connection.close": False,
        },
        logger=_Quiet(),
    )  # fmt: skip
    wanted, found = run_id.encode(), []
    begun = time.monotonic()
    try:
        low, ends = _offsets(bootstrap, topic)
        if set(since) != set(ends):
            raise PartitionsChangedError(
                f"{topic} no longer has the partitions of the run.", "Start a new run instead."
            )
        gone = [partition for partition, offset in since.items() if low[partition] > offset]
        if gone:
            raise DeliveryError(f"{topic} no longer holds the beginning of the run.", "Start a new run instead.")
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in since.items()])
        at = dict(since)
        # What a killed producer had already handed to the network may arrive a moment later: look a second time.
        looked_again = False
        while True:
            if all(at[partition] >= end for partition, end in ends.items()):
                if looked_again:
                    break
                time.sleep(max(1.0 - (time.monotonic() - begun), 0))
                ends, looked_again = _offsets(bootstrap, topic)[1], True
                continue
            for message in consumer.consume(10_000, timeout=0.5):
                error = message.error()
                if error is not None:
                    raise DeliveryError(f"{topic} can't be read: {error.str()}.", "See the broker's log.")
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                at[partition] = offset + 1
                headers = dict(message.headers() or [])
                if headers.get(RUN_HEADER) == wanted:
                    found.append(int(headers[SEQUENCE_HEADER] or -1))
            if not waiting():
                raise DeliveryError("Stopped while looking for what was already sent.")
    finally:
        consumer.close()
    sequences = np.unique(np.array(found, np.int64))
    return Found(sequences, twice=len(found) - len(sequences))
