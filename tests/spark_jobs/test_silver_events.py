"""The pure transforms of silver: what becomes of good, bad and repeated records."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.ledger.accounting import repeated, unaccounted
from spark_jobs.silver.events.schema import EVENTS, QUARANTINE
from spark_jobs.silver.events.transform import events, judged, quarantine
from tests.spark_jobs.frames import rows_of, types_of
from tests.spark_jobs.records import ABSENT, KAFKA_TIME, bronze_frame, value

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def test_a_purchase_and_a_search(spark: SparkSession) -> None:
    search = value(
        event_id=str(uuid.UUID(int=9)), event_type="search", query="rote Schuhe", product_id=ABSENT, category=None,
        price=ABSENT, quantity=ABSENT, order_id=ABSENT,
    )  # fmt: skip
    found = events(judged(bronze_frame(spark, [value(), search], run="a-run")))
    assert types_of(found) == [(column.name, column.type.replace(" ", "")) for column in EVENTS.columns]
    purchase = {
        "event_id": "00000000-0000-0000-0000-000000000001",
        "event_type": "purchase",
        "event_time": datetime(2026, 11, 23, 16, 59, 0, 123456),  # noqa: DTZ001 - Spark hands out UTC without its zone
        "user_id": "u-000123",
        "session_id": "00000000-0000-0000-0000-000000000002",
        "product_id": "p-00042",
        "category": "shoes",
        "price": Decimal("19.99"),
        "quantity": 2,
        "currency": "EUR",
        "country": "DE",
        "device": "mobile",
        "query": None,
        "order_id": "00000000-0000-0000-0000-000000000003",
        "scenario_run": "a-run",
        "partition": 0,
        "offset": 0,
        "kafka_time": KAFKA_TIME.replace(tzinfo=None),
        "ingested_at": (KAFKA_TIME + timedelta(seconds=5)).replace(tzinfo=None),
    }
    nothing = dict.fromkeys(("product_id", "category", "price", "quantity", "order_id"))
    other = {
        **purchase, **nothing, "event_id": str(uuid.UUID(int=9)), "event_type": "search", "query": "rote Schuhe",
        "offset": 1, "kafka_time": (KAFKA_TIME + timedelta(milliseconds=1)).replace(tzinfo=None),
    }  # fmt: skip
    assert rows_of(found, "offset") == [purchase, other]


def test_money_is_rounded_half_up_to_cents(spark: SparkSession) -> None:
    prices = ["0.005", "2.675", "1e2", "19.994999", "1000000.004"]
    values = [
        value(event_id=str(uuid.UUID(int=number))).replace(b"19.99", price.encode())
        for number, price in enumerate(prices)
    ]
    found = events(judged(bronze_frame(spark, values))).orderBy("offset").select("price").collect()
    assert [str(row["price"]) for row in found] == ["0.01", "2.68", "100.00", "19.99", "1000000.00"]


def test_of_one_event_the_earliest_record_wins(spark: SparkSession) -> None:
    """Capitals make no other event; a bad record of the same event takes no part."""
    capitals = str(uuid.UUID(int=0xABC)).upper()
    rows = bronze_frame(spark, [value(event_id=capitals, price=-1)] + [value(event_id=capitals.lower())] * 2)
    late_but_first = rows.where("offset = 2").withColumns(
        {"partition": F.lit(3), "offset": F.lit(70).cast("bigint"), "kafka_time": F.lit(KAFKA_TIME)}
    )
    same_time = late_but_first.withColumn("partition", F.lit(2)).withColumn("value", F.lit(value(event_id=capitals)))
    found = events(judged(rows.unionByName(late_but_first).unionByName(same_time)))
    assert rows_of(found.select("event_id", "partition", "offset"), "offset") == [
        {"event_id": capitals.lower(), "partition": 2, "offset": 70}
    ]


def test_rejected_records_keep_their_bytes_and_their_origin(spark: SparkSession) -> None:
    bad = [b"\xff", None, value(event_id=str(uuid.UUID(int=0xABC)).upper(), quantity=0), value()]
    found = quarantine(judged(bronze_frame(spark, bad)), quarantined_at=F.lit(NOW))
    assert types_of(found) == [(column.name, column.type) for column in QUARANTINE.columns]
    seen = rows_of(found.select("event_id", "reason", "field", "detail", "value", "partition", "offset"), "offset")
    assert seen == [
        {"event_id": None, "reason": "malformed_json", "field": None, "detail": "The bytes are not valid UTF-8",
         "value": b"\xff", "partition": 0, "offset": 0},
        {"event_id": None, "reason": "empty_record", "field": None, "detail": "The record has no value",
         "value": None, "partition": 0, "offset": 1},
        {"event_id": str(uuid.UUID(int=0xABC)), "reason": "invalid_quantity", "field": "quantity",
         "detail": "Not 1 to 10,000: 0",
         "value": bad[2], "partition": 0, "offset": 2},
    ]  # fmt: skip
    assert {row["quarantined_at"] for row in found.collect()} == {NOW.replace(tzinfo=None)}


def test_a_record_taken_in_twice_is_rejected_once(spark: SparkSession) -> None:
    """The topic comes in again after a lost checkpoint; a topic made anew has the same offsets at another time."""
    once = bronze_frame(spark, [b"bad"])
    again = once.withColumn("ingested_at", F.lit(NOW))
    anew = once.withColumn("kafka_time", F.lit(NOW))
    found = quarantine(judged(once.unionByName(again).unionByName(anew)), quarantined_at=F.lit(NOW))
    assert [row["ingested_at"] for row in found.orderBy("kafka_time").collect()] == [
        (KAFKA_TIME + timedelta(seconds=5)).replace(tzinfo=None)
    ] * 2


def test_a_record_without_a_kafka_time_is_accounted_for(spark: SparkSession) -> None:
    bronze = bronze_frame(spark, [value(), b"bad"]).withColumn("kafka_time", F.lit(None).cast("timestamp"))
    rows = judged(bronze)
    rejected = quarantine(rows, quarantined_at=F.lit(NOW))
    assert rows_of(rejected.select("offset", "reason"), "offset") == [
        {"offset": 0, "reason": "invalid_kafka_time"}, {"offset": 1, "reason": "malformed_json"},
    ]  # fmt: skip
    assert unaccounted(bronze, events(rows), rejected).collect() == []
    assert unaccounted(bronze, events(rows), rejected.where("offset = 1")).count() == 1


def test_records_without_a_time_of_two_topics_are_each_rejected_and_accounted_for(spark: SparkSession) -> None:
    """A topic that was created again has the same offsets. Records without a time are told apart by their bytes."""
    old = bronze_frame(spark, [b"a", b"b", None, b"same"]).withColumn("kafka_time", F.lit(None).cast("timestamp"))
    new = bronze_frame(spark, [b"c", None, b"d", b"same"]).withColumn("kafka_time", F.lit(None).cast("timestamp"))
    again = new.withColumn("ingested_at", F.lit(NOW))
    bronze = old.unionByName(new).unionByName(again)
    rows = judged(bronze)
    rejected = quarantine(rows, quarantined_at=F.lit(NOW))
    assert sorted((row["offset"], row["value"] or b"") for row in rejected.collect()) == [
        (0, b"a"), (0, b"c"), (1, b""), (1, b"b"), (2, b""), (2, b"d"), (3, b"same"),
    ]  # fmt: skip
    assert unaccounted(bronze, events(rows), rejected).collect() == []
    assert sum(row["n"] for row in repeated(bronze).collect()) == 12 - 7
    for lost, count in ((b"a", 1), (b"c", 2), (b"same", 3)):
        left = unaccounted(bronze, events(rows), rejected.where(~F.col("value").eqNullSafe(F.lit(lost))))
        assert left.count() == count
