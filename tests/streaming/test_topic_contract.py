"""One suite over the null topic and the one on Kafka."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from controlplane.streaming.adapters.null import NullEventTopic
from controlplane.streaming.ports import EventTopic, PartitionOffsets, Span, TopicMissingError, TopicUnreachableError
from spark_jobs.kafka_client import KafkaClient
from tests.kafka import nowhere
from tests.waiting import done_within

Send = Callable[[int, bytes], None]


@pytest.fixture(params=["null", pytest.param("kafka", marks=[pytest.mark.stack, pytest.mark.xdist_group("kafka")])])
def there(request: pytest.FixtureRequest) -> Iterator[tuple[EventTopic, Send]]:
    if request.param == "null":
        null = NullEventTopic()
        yield null, null.append
        return
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient

    from controlplane.streaming.adapters.kafka import KafkaEventTopic

    kafka: KafkaClient = request.getfixturevalue("kafka")
    name = f"contract.{uuid.uuid4()}"
    producer = Producer({**kafka.librdkafka()})

    def send(partition: int, value: bytes) -> None:
        producer.produce(name, value, partition=partition, headers={"scenario-run": b"r-1"})
        assert producer.flush(10) == 0

    yield KafkaEventTopic(kafka, name), send
    AdminClient({**kafka.librdkafka()}).delete_topics([name])


def test_it_is_made_once(there: tuple[EventTopic, Send]) -> None:
    topic, _ = there
    assert topic.ensure(3) is True
    assert topic.ensure(3) is False
    assert [partition.partition for partition in topic.offsets().partitions] == [0, 1, 2]


def test_before_it_is_made_it_is_missing_and_asking_does_not_make_it(there: tuple[EventTopic, Send]) -> None:
    topic, _ = there
    for _ in range(2):
        with pytest.raises(TopicMissingError):
            topic.offsets()
        with pytest.raises(TopicMissingError):
            topic.tail(3)


def test_offsets_count_what_was_sent(there: tuple[EventTopic, Send]) -> None:
    topic, send = there
    topic.ensure(2)
    for number in range(3):
        send(1, json.dumps(number).encode())
    offsets = topic.offsets()
    assert offsets.partitions == (PartitionOffsets(0, 0, 0, 0), PartitionOffsets(1, 0, 3, 3))
    assert offsets.span == 3
    assert topic.offsets().topic_id == offsets.topic_id != ""
    spans = [Span(1, 0, 3), Span(1, 1, 2), Span(0, 0, 0)]
    assert topic.count(spans) == [3, 1, 0]
    assert [record.value for record in topic.read(Span(1, 1, 3), records=5, size=100)] == [b"1", b"2"]


def test_the_newest_record_has_its_time(there: tuple[EventTopic, Send]) -> None:
    topic, send = there
    topic.ensure(2)
    assert topic.newest() is None
    before = time.time()
    for number in range(3):
        send(number % 2, b"{}")
    newest = topic.newest()
    assert newest is not None
    assert before - 1 < newest.timestamp() < time.time() + 1
    assert newest == topic.tail(1)[0].at


def test_the_tail_is_the_newest_first_over_all_partitions(there: tuple[EventTopic, Send]) -> None:
    topic, send = there
    topic.ensure(2)
    for number in range(5):
        send(number % 2, str(number).encode())
        time.sleep(0.002)  # brokers stamp to the millisecond, and the order is by that stamp
    assert [record.value for record in topic.tail(3)] == [b"4", b"3", b"2"]


def test_an_empty_topic_has_no_tail(there: tuple[EventTopic, Send]) -> None:
    topic, _ = there
    topic.ensure(2)
    assert topic.tail(5) == []


@pytest.mark.stack
def test_a_record_is_shown_with_headers_and_cut(kafka: KafkaClient) -> None:
    from confluent_kafka import Producer

    from controlplane.streaming.adapters.kafka import KafkaEventTopic
    from controlplane.streaming.ports import SHOWN_VALUE

    name = f"contract.{uuid.uuid4()}"
    topic = KafkaEventTopic(kafka, name)
    topic.ensure(1)
    producer = Producer({**kafka.librdkafka()})
    producer.produce(name, b"x" * 100_000, key=b"u-1", headers={"scenario-run": b"r-1"})
    producer.produce(name, None)
    producer.flush(10)
    empty, long = sorted(topic.tail(2), key=lambda record: record.size)
    assert (empty.value, empty.size, empty.headers) == (None, 0, ())
    assert (long.value, long.size) == (b"x" * SHOWN_VALUE, 100_000)
    assert (long.key, long.headers) == (b"u-1", (("scenario-run", b"r-1"),))


@pytest.mark.stack
def test_a_refused_account_is_told_by_name(kafka: KafkaClient) -> None:
    from controlplane.streaming.adapters.kafka import KafkaEventTopic

    stranger = replace(kafka, username="stranger")
    with pytest.raises(TopicUnreachableError, match="rejected the account 'stranger'"):
        KafkaEventTopic(stranger, "contract.none").offsets()


def test_no_broker_is_told_within_seconds() -> None:
    from controlplane.streaming.adapters.kafka import SECONDS, KafkaEventTopic

    with done_within(SECONDS, "the question"), pytest.raises(TopicUnreachableError):
        KafkaEventTopic(nowhere(), "none").offsets()
