"""The stream on a real Kafka and a real Spark: transactions, timestamps of any kind, headers, topics that go away."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]
from pyspark.sql import SparkSession
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User
from controlplane.ledger.ports import Block
from controlplane.ledger.topic_count import topic_count
from controlplane.scenarios.generator.kafka import found_in_topic
from controlplane.streaming.adapters.kafka import SECONDS, KafkaEventTopic
from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine
from controlplane.streaming.models import Stream
from controlplane.streaming.ports import Span
from controlplane.streaming.reconciling import ends_of, stream_reconcile
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_start
from spark_jobs.ledger.count import TopicScope, count_lake
from spark_jobs.session import connect
from spark_jobs.table import Table
from spark_jobs.tables import ensure_tables
from tests.adapters import Adapters
from tests.kafka import let_the_stream_read
from tests.pages import Visitor
from tests.raw_kafka import raw_producer
from tests.spark_jobs.server import spark_server
from tests.streaming.broker import Broker, kafka_broker
from tests.waiting import done_within, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.django_db, pytest.mark.timeout(900)]

NOW = round(time.time() * 1000)


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with kafka_broker() as started:
        yield started


@pytest.fixture(scope="module")
def spark_remote(broker: Broker) -> Iterator[str]:
    with spark_server(broker.spark) as address:
        yield address


@dataclass(frozen=True)
class Odd:
    """A topic of the test's own, the stream that reads it into a lake of the test's own, and a session on that lake."""

    name: str
    broker: Broker
    topic: KafkaEventTopic
    engine: SparkConnectStreamEngine
    spark: SparkSession

    def reconcile(self) -> Stream:
        stream_reconcile(self.engine, self.topic)
        return stream_get()

    def until(self, look: Callable[[Stream], object], what: str) -> Stream:
        """Reconcile until something is so."""

        def step() -> Stream:
            stream = self.reconcile()
            if look(stream):
                return stream
            raise LookupError(f"It is {stream.state} ({stream.problem}) at {stream.end_offsets}: {stream.message}")

        return wait_for(step, what, within=60, every=0.5)

    def bronze(self, *columns: str) -> list[tuple[Any, ...]]:
        rows = self.spark.table("lake.bronze.events").orderBy("ingested_at", "partition", "offset")
        return [tuple(row) for row in rows.select(*columns).collect()]

    def reads_to_the_end(self) -> Stream:
        return self.until(
            lambda stream: stream.state == "running" and stream.end_offsets == ends_of(self.topic.offsets()),
            "the stream has read everything",
        )

    def producer(self, **more: Any) -> Producer:
        return Producer({**self.broker.admin.librdkafka(), **more})

    def send(self, value: bytes, *, partition: int = 0, **more: Any) -> None:
        producer = self.producer()
        failed: list[Any] = []
        producer.produce(
            self.name, value, partition=partition, on_delivery=lambda error, _: failed.append(error), **more
        )
        assert producer.flush(20) == 0
        assert failed == [None]

    def transaction(self, values: list[bytes], *, end: str, partition: int = 0) -> Producer:
        producer = self.producer(**{"transactional.id": str(uuid.uuid4()), "transaction.timeout.ms": 600_000})
        producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce(self.name, value, partition=partition)
        producer.flush(20)
        if end == "commit":
            producer.commit_transaction(30)
        elif end == "abort":
            producer.abort_transaction(30)
        if end:
            # The broker answers before its marker is written.
            wait_for(lambda: self.topic.offsets().partitions[partition].held == 0, "the transaction is over", within=20)
        return producer

    def configure(self, name: str, value: str) -> None:
        resource = ConfigResource(
            ResourceType.TOPIC,
            self.name,
            incremental_configs=[ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)],
        )
        admin = AdminClient({**self.broker.admin.librdkafka()})
        for answer in admin.incremental_alter_configs([resource]).values():
            answer.result(20)


@pytest.fixture
def odd(broker: Broker, spark_remote: str, settings: Settings) -> Iterator[Odd]:
    name, folder = f"odd.{uuid.uuid4()}", Path(tempfile.mkdtemp(prefix="lakehouse-test-odd-"))
    settings.KAFKA_TOPIC, settings.KAFKA_PARTITIONS = name, 2
    settings.CHECKPOINTS = (folder / "checkpoints").as_uri()
    topic = KafkaEventTopic(broker.admin, name)
    topic.ensure(2)
    let_the_stream_read(broker.admin, name)
    engine = SparkConnectStreamEngine(spark_remote, kafka=broker.stream, topic=name, home=str(folder))
    spark = connect(spark_remote, user_id="tests")
    for session in (engine._open(), spark):
        session.conf.set("spark.sql.catalog.lake.warehouse", (folder / "warehouse").as_uri())
        session.conf.set("spark.sql.catalog.lake.type", "hadoop")
    stream = stream_get()
    stream.configuration.trigger_seconds = 1
    stream.configuration.save()
    yield Odd(name, broker, topic, engine, spark)
    engine.stop()
    spark.stop()
    shutil.rmtree(folder)


def test_transactions_headers_and_timestamps(odd: Odd, operator_user: User) -> None:
    odd.configure("message.timestamp.after.max.ms", str(2**63 - 1))
    odd.send(b"plain", headers=[("trace", b"1"), ("trace", b"\xff\x00"), ("n", None), ("empty", b"")], timestamp=NOW)
    odd.transaction([b"aborted"] * 4, end="abort")
    odd.transaction([b"committed"], end="commit")
    stream_start(actor=operator_user)
    odd.reads_to_the_end()
    assert odd.bronze("offset", "value") == [(0, b"plain"), (6, b"committed")]
    [headers] = odd.bronze("headers")[0]
    assert [(one["key"], one["value"]) for one in headers] == [
        ("trace", b"1"), ("trace", b"\xff\x00"), ("n", None), ("empty", b""),
    ]  # fmt: skip
    assert odd.bronze("headers")[1] == ([],)

    # Timestamps: what Spark can read, and what ends its query.
    odd_times = [-1, -(10**14), 10**14, 10**15, -9 * 10**18, 9 * 10**18, -(2**63) + 1, 2**63 - 1]
    for number, timestamp in enumerate(odd_times):
        odd.send(f"time {number}".encode(), partition=number % 2, timestamp=timestamp)
    odd.send(b"after", partition=0, timestamp=NOW)
    odd.send(b"after", partition=1, timestamp=NOW)
    odd.reads_to_the_end()
    times = {
        value.decode(): (None if time is None else round(time.timestamp() * 1000), number)
        for value, time, number in odd.bronze("value", "kafka_time", "kafka_timestamp")
    }
    assert len(odd.bronze("value")) == 2 + len(odd_times) + 2
    assert times["plain"] == times["after"] == (NOW, None)
    assert times["time 0"] == (None, -1)
    # Spark shifts what is before 1582-10-15 by the days between two calendars.
    assert times["time 1"][0] is None
    assert times["time 1"][1] == pytest.approx(-(10**14), abs=60 * 86_400_000)
    for number in range(2, len(odd_times)):
        inside = odd_times[number] == 10**14
        assert times[f"time {number}"] == ((10**14, None) if inside else (None, odd_times[number]))

    # The topic's own readers, and the ledger's count.
    with done_within(SECONDS, "the newest records"):
        newest = odd.topic.tail(20)
    assert {record.value for record in newest} >= {b"plain", b"committed", b"after"}
    assert b"aborted" not in {record.value for record in newest}
    # The one that has the time at which it was sent; no wrong time is newer.
    assert odd.topic.newest() == next(record.at for record in newest if record.value == b"committed")
    counts = count_lake(odd.spark, TopicScope(odd.name))
    counted = topic_count(odd.topic, odd.topic.offsets(), [Block(*block) for block in counts["blocks"]], {})
    assert (counted.records, counted.ahead, counted.estimated) == (counts["bronze"]["rows"], 0, 0)
    assert counted.gaps == 6
    assert counts["copies"]["rows"] == 0


# Header names as bytes, and as Kafka's Java client decodes them.
NAMES = {
    b"\xff\xfe": "\ufffd\ufffd",
    b"caf\xe9": "caf\ufffd",
    b"\xe2\x82": "\ufffd",
    b"\xc0\xafx": "\ufffd\ufffdx",
    b"\xed\xa0\x80": "\ufffd\ufffd\ufffd",
    b"\xf0\x9f\x99\x82\xf0\x9f": "\U0001f642\ufffd",
    "日本".encode("utf-16-be"): "e\ufffdg,",
    b"\x80" * 300: "\ufffd" * 300,
}


def test_header_names_that_are_not_utf_8(
    odd: Odd, operator_user: User, adapters: Adapters, viewer: Visitor, settings: Settings
) -> None:
    run = str(uuid.uuid4())
    # More than CPython's interpreter needs to specialize a call.
    names = list(NAMES.items()) * 4
    with raw_producer(odd.broker.admin) as send:
        for number, (name, _) in enumerate(names):
            own = [(b"scenario-run", run.encode()), (b"sequence", str(number).encode())]
            send(odd.name, f"name {number}".encode(), [*own, (name, b"\xff"), (name, None)], timestamp=NOW + number)
        # Spark's Kafka source can't read this one: it takes the detour.
        odd.configure("message.timestamp.after.max.ms", str(2**63 - 1))
        send(odd.name, b"detour", [(b"before", b"1"), (b"caf\xe9", b"2")], timestamp=2**63 - 1)
    odd.send(b"whole", headers=[("scenario-run", run.encode()), ("sequence", b"99")], timestamp=NOW + 1000)

    # Bronze has every record with every header.
    stream_start(actor=operator_user)
    odd.reads_to_the_end()
    bronze = dict(odd.bronze("value", "headers"))
    expected: dict[bytes, list[tuple[str, bytes | None]]] = {
        f"name {number}".encode(): [
            ("scenario-run", run.encode()), ("sequence", str(number).encode()), (shown, b"\xff"), (shown, None),
        ]
        for number, (_, shown) in enumerate(names)
    }  # fmt: skip
    expected[b"detour"] = [("before", b"1"), ("caf\ufffd", b"2")]
    assert {value: [tuple(one) for one in bronze[value]] for value in expected} == expected

    # So do the topic's own readers.
    first = odd.topic.offsets().partitions[0]
    read = odd.topic.read(Span(0, first.begin, first.end), records=100, size=10**9)
    assert {record.value: list(record.headers) for record in read if record.value in expected} == expected
    with done_within(SECONDS, "the newest records"):
        tail = odd.topic.tail(100)
    assert {record.value: [name for name, _ in record.headers] for record in tail if record.value in expected} == {
        value: [name[:200] for name, _ in headers] for value, headers in expected.items()
    }

    # The page and the API.
    adapters.use(event_topic=odd.topic)
    items = {item["value"]: item for item in viewer.get("/api/v1/stream/records?limit=100").json()["items"]}
    assert items["name 1"]["headers"][2:] == [
        {"name": "caf\ufffd", "text": None, "hex": "ff"},
        {"name": "caf\ufffd", "text": None, "hex": None},
    ]
    assert len(viewer.page("/stream/records/").table().rows) == 20

    # A generator that looks for its records finds those that it can have sent, and the ledger counts them all.
    assert found_in_topic(odd.broker.admin, odd.name, run, {0: 0, 1: 0}).sequences.tolist() == [99]
    counts = count_lake(odd.spark, TopicScope(odd.name))
    counted = topic_count(odd.topic, odd.topic.offsets(), [Block(*block) for block in counts["blocks"]], {})
    assert counted.records == counts["bronze"]["rows"] == len(names) + 2


def test_a_long_gap_and_an_open_transaction(odd: Odd, operator_user: User) -> None:
    odd.send(b"before", partition=1)
    odd.transaction([b"aborted"] * 5000, end="abort")
    stream_start(actor=operator_user)
    odd.reads_to_the_end()
    # A generator that looks for what it has sent comes to the end, although the last offset holds no record.
    assert len(found_in_topic(odd.broker.admin, odd.name, "a-run", {0: 0, 1: 0}).sequences) == 0
    held = odd.transaction([b"open"] * 3, end="")
    odd.send(b"acknowledged")
    with done_within(SECONDS, "the newest records"):
        newest = odd.topic.tail(10)
    assert [(record.value, record.is_committed) for record in newest] == [
        (b"acknowledged", False), *[(b"open", False)] * 3, (b"before", True),
    ]  # fmt: skip
    first = odd.topic.offsets().partitions[0]
    assert (first.end, first.held) == (5001, 4)
    stream = odd.reads_to_the_end()
    assert odd.topic.offsets().behind(stream.end_offsets) == 0
    counts = count_lake(odd.spark, TopicScope(odd.name))
    counted = topic_count(odd.topic, odd.topic.offsets(), [Block(*block) for block in counts["blocks"]], {})
    assert (counted.records, counted.ahead, counted.held, counted.gaps) == (1, 0, 4, 5001)
    held.abort_transaction(30)
    wait_for(lambda: odd.topic.offsets().partitions[0].held == 0, "the transaction is over", within=20)
    odd.reads_to_the_end()
    wait_for(lambda: len(odd.bronze("value")) == 2, "the acknowledged record is in bronze", within=20)
    assert [record.value for record in odd.topic.tail(10)] == [b"acknowledged", b"before"]


def test_a_topic_that_expires_and_one_that_is_created_again(odd: Odd, admin_user: User, operator_user: User) -> None:
    for number in range(20):
        odd.send(str(number).encode())
    stream_start(actor=operator_user)
    odd.reads_to_the_end()
    odd.engine.stop()
    Stream.objects.update(desired="stopped", state="stopped", query_run_id="")
    admin = AdminClient({**odd.broker.admin.librdkafka()})
    for number in range(20, 30):
        odd.send(str(number).encode())
    for answer in admin.delete_records([TopicPartition(odd.name, 0, 25)]).values():
        answer.result(20)
    Stream.objects.update(desired="running", state="waiting")
    stream = odd.until(lambda stream: stream.needs_new_checkpoint, "the records are found to be gone")
    assert (stream.problem, stream.topic_change["lost"]) == ("offsets_expired", 5)
    stream_start(actor=admin_user, reset_checkpoint=True)
    odd.reads_to_the_end()
    assert sorted(int(value) for (value,) in odd.bronze("value")) == [*range(20), *range(25, 30)]

    for answer in admin.delete_topics([odd.name]).values():
        answer.result(20)
    wait_for(lambda: odd.topic.ensure(2), "the topic is created again", within=20)
    for number in range(100, 140):
        odd.send(str(number).encode())
    stream = odd.until(lambda stream: stream.needs_new_checkpoint, "the other topic is noticed")
    assert stream.problem == "topic_replaced"
    stream_start(actor=admin_user, reset_checkpoint=True)
    stream = odd.reads_to_the_end()
    since = stream.topic_since
    counts = count_lake(odd.spark, TopicScope(odd.name, since))
    assert sum(block[2] for block in counts["blocks"]) == 40
    assert counts["bronze"]["rows"] - counts["copies"]["rows"] == 25 + 40


def test_a_table_of_an_earlier_version_gets_the_columns(odd: Odd, operator_user: User) -> None:
    from spark_jobs.bronze.events.schema import EVENTS

    older = Table(EVENTS.name, EVENTS.comment, EVENTS.columns[:9], EVENTS.partitioned_by, EVENTS.properties)
    ensure_tables(odd.spark, (older,))
    odd.spark.sql(
        "INSERT INTO lake.bronze.events VALUES "
        "(X'7B7D', NULL, 'earlier', 0, 0, TIMESTAMP '2026-11-01 00:00:00', TIMESTAMP '2026-11-01 00:00:01', NULL, NULL)"
    )
    odd.send(b"{}", headers=[("a", b"b")])
    stream_start(actor=operator_user, reset_checkpoint=True)
    odd.reads_to_the_end()
    assert odd.spark.table(EVENTS.name).columns == EVENTS.column_names
    assert odd.bronze("topic", "headers") == [("earlier", None), (odd.name, [("a", b"b")])]
