"""The newest records of a Kafka topic, across offset gaps and including open transactions."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from operator import methodcaller
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from controlplane.streaming.adapters.kafka_headers import HeaderReader
from controlplane.streaming.ports import AHEAD, EventTopicError, Headers, TopicOffsets, TopicRecord
from spark_jobs.bronze.events.calendar import NONE

# The headers of a record that confluent-kafka can't decode. Compared by identity.
UNDECODED: Headers = (("", None),)
# Calls `headers()` of a message. If a name is not UTF-8, that method returns a list with null pointers and sets an
# exception. CPython raises it for this call; for a call that its interpreter has specialized it does not, and a later,
# unrelated call fails.
_HEADERS = methodcaller("headers")
# If offsets hold no records, the search goes further back, each time by this factor.
FURTHER = 16
READING: dict[str, Any] = {
    "group.id": "controlplane-tail",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    # Return empty fetches at once: with the broker's default, each gap costs half a second.
    "fetch.wait.max.ms": 10,
}


class Tail:
    """Reads the end of every partition.

    Args:
        settings: those of a confluent-kafka client.
        seconds: the total deadline; records found by then are returned.
        named: maps Kafka's errors to ours.
    """

    def __init__(
        self, settings: dict[str, Any], topic: str, seconds: float, named: Callable[[KafkaException], EventTopicError]
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._deadline = time.monotonic() + seconds
        self._named = named

    def newest(self, offsets: TopicOffsets, count: int) -> list[TopicRecord]:
        """As `EventTopic.tail`."""
        found: dict[int, list[TopicRecord]] = {}
        held = {one.partition: (max(one.end, one.tip - count), one.tip) for one in offsets.partitions if one.held}
        for number, records in self._read(held, "read_uncommitted").items():
            found[number] = [replace(record, is_committed=False) for record in records]
        width = count
        before = {one.partition: one.end for one in offsets.partitions}
        begins = {one.partition: one.begin for one in offsets.partitions}
        while time.monotonic() < self._deadline:
            lacking = [
                number for number, end in before.items() if len(found.get(number, [])) < count and end > begins[number]
            ]
            if not lacking:
                break
            spans = {number: (max(begins[number], before[number] - width), before[number]) for number in lacking}
            for number, records in self._read(spans, "read_committed").items():
                found[number] = [*records, *found.get(number, [])]
            before |= {number: start for number, (start, _) in spans.items()}
            width *= FURTHER
        newest = newest_of(found, count)
        return [record.truncated() for record in decoded(newest, self._settings, self._topic, self._deadline)]

    def _read(self, spans: dict[int, tuple[int, int]], isolation: str) -> dict[int, list[TopicRecord]]:
        found: dict[int, list[TopicRecord]] = {number: [] for number in spans}
        wanted = {number: end for number, (start, end) in spans.items() if start < end}
        if not wanted:
            return found
        consumer = Consumer({**self._settings, **READING, "isolation.level": isolation})
        with closing(consumer):
            consumer.assign([TopicPartition(self._topic, number, spans[number][0]) for number in wanted])
            while wanted and time.monotonic() < self._deadline:
                for message in consumer.consume(500, timeout=0.1):
                    number, offset, error = message.partition(), message.offset(), message.error()
                    if error is not None and error.code() != KafkaError._PARTITION_EOF:
                        raise self._named(KafkaException(error))
                    if number is None or offset is None or number not in wanted:
                        continue
                    if error is None and offset < wanted[number]:
                        record = record_of(message)
                        found[number].append(record if record.headers is UNDECODED else record.truncated())
                    if error is not None or offset + 1 >= wanted[number]:
                        del wanted[number]
        return found


def newest_of(found: dict[int, list[TopicRecord]], count: int) -> list[TopicRecord]:
    """The newest records of several partitions, each given in offset order.

    Partitions are merged by timestamp. A record with an implausible timestamp sorts like the record before it.
    """
    limit = datetime.now(UTC) + AHEAD
    placed: list[tuple[datetime, int, TopicRecord]] = []
    for records in found.values():
        latest = datetime.min.replace(tzinfo=UTC)
        for record in records:
            if record.at is not None and record.at <= limit:
                latest = max(latest, record.at)
            placed.append((latest, record.offset, record))
    placed.sort(key=lambda one: one[:2], reverse=True)
    return [record for _, _, record in placed[:count]]


def record_of(message: Any) -> TopicRecord:
    """A message of confluent-kafka as a complete record, except for headers that it can't decode: `UNDECODED`."""
    _, timestamp = message.timestamp()
    value = message.value()
    return TopicRecord(
        partition=message.partition(),
        offset=message.offset(),
        timestamp=NONE if timestamp is None else timestamp,
        key=message.key(),
        value=value,
        size=len(value or b""),
        headers=headers_of(message),
    )


def headers_of(message: Any) -> Headers:
    """The headers of a message, or `UNDECODED`. A second call for the same message would crash the process."""
    try:
        return tuple((name, value) for name, value in _HEADERS(message) or [])
    except (SystemError, UnicodeDecodeError):
        return UNDECODED


def decoded(records: list[TopicRecord], settings: dict[str, Any], topic: str, deadline: float) -> Iterator[TopicRecord]:
    """The records, with the headers of those that confluent-kafka can't decode."""
    reader = HeaderReader(settings, topic, deadline)
    for record in records:
        if record.headers is UNDECODED:
            yield replace(record, headers=reader.read(record.partition, record.offset))
        else:
            yield record
