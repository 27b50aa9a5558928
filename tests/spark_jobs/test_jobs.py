"""Builds, gates and the count on real tables, in a catalogue of the test's own."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs import documents
from spark_jobs.errors import GateFailed, JobError
from spark_jobs.gold.hourly_sales.job import JOB as HOURLY_SALES
from spark_jobs.gold.top_products.job import JOB as TOP_PRODUCTS
from spark_jobs.gold.user_sessions.job import JOB as USER_SESSIONS
from spark_jobs.ledger.count import TopicScope, count_lake
from spark_jobs.provenance import INPUT_SNAPSHOT, RUN_ID, history
from spark_jobs.publishing import publish
from spark_jobs.silver.events import job as silver
from spark_jobs.silver.events.schema import EVENTS, QUARANTINE
from spark_jobs.validation import Suite, expectation_classes
from tests.spark_jobs.records import append_to_bronze, bronze_frame, value

pytestmark = [
    pytest.mark.stack,
    # Great Expectations imports what Python is about to drop.
    pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning"),
]

TOPIC = TopicScope("ecommerce.events")
GOLD = (HOURLY_SALES, TOP_PRODUCTS, USER_SESSIONS)
# Eight records: three events (one twice, in other capitals), four that are rejected, and the second copy of an event.
NASTY: list[bytes | None] = [
    value(),
    value(event_id=str(uuid.UUID(int=1)).upper()),
    value(event_id=str(uuid.UUID(int=11)), quantity=1, price=0.03),
    value(event_id=str(uuid.UUID(int=12)), currency="SEK", session_id=str(uuid.UUID(int=4))),
    b"not json",
    None,
    b"x" * 900_000,
    value(price=-1),
]


def run_silver(lake: SparkSession, warehouse: str, run_id: str = "run-1") -> None:
    silver.build(lake, run_id=run_id, warehouse=warehouse)
    silver.gate(lake, run_id=run_id, warehouse=warehouse)


def the_only(items: list[Any]) -> Any:
    assert len(items) == 1
    return items[0]


def test_an_empty_lake_is_built_published_and_counted(lake: SparkSession, warehouse: str) -> None:
    run_silver(lake, warehouse)
    for gold in GOLD:
        built = the_only(gold.build(lake, run_id="run-1", warehouse=warehouse))
        assert the_only(gold.gate(lake, run_id="run-1", warehouse=warehouse)) == built
    counts = count_lake(lake, TOPIC)
    for part in ("bronze", "pending", "silver", "quarantine", "duplicates", "unaccounted"):
        assert counts[part]["rows"] == 0  # type: ignore[literal-required]
    document = documents.read(the_only(documents.addresses(warehouse, EVENTS.name)))
    assert (document["success"], document["published"], document["rows"]) == (True, True, 0)


def test_the_count_of_an_unbuilt_lake(lake: SparkSession) -> None:
    append_to_bronze(lake, bronze_frame(lake, NASTY, run="a-run"))
    counts = count_lake(lake, TOPIC)
    assert counts["bronze"] == counts["pending"] == {"rows": 8, "by_run": {"a-run": 8}}
    assert counts["unaccounted"] == counts["duplicates"] == {"rows": 0, "by_run": {}}
    assert counts["silver_published_snapshot"] is None


def test_every_record_of_a_nasty_mixture_is_accounted_for(lake: SparkSession, warehouse: str) -> None:
    """Two sources, one of them foreign; one batch taken in twice; and records that came after silver was built."""
    ours = bronze_frame(lake, NASTY, run="a-run")
    foreign = bronze_frame(lake, NASTY).withColumn("partition", F.lit(1))
    append_to_bronze(lake, ours)
    append_to_bronze(lake, foreign)
    append_to_bronze(lake, ours.withColumn("ingested_at", F.current_timestamp()))
    run_silver(lake, warehouse)
    append_to_bronze(lake, bronze_frame(lake, NASTY[:3]).withColumn("partition", F.lit(2)))
    counts = count_lake(lake, TOPIC)

    assert counts["bronze"] == {"rows": 27, "by_run": {"a-run": 16, "": 11}}
    assert counts["copies"] == {"rows": 8, "by_run": {"a-run": 8}}
    assert counts["pending"] == {"rows": 3, "by_run": {"": 3}}
    # Both sources sent the same events at the same times: partition 0 is the lower.
    assert counts["silver"] == {
        "rows": 3, "by_run": {"a-run": 3}, "revenue": {"EUR": "40.01", "SEK": "39.98"},
    }  # fmt: skip
    reasons = {"malformed_json": 1, "empty_record": 1, "oversized": 1, "invalid_price": 1}
    assert counts["quarantine"] == {
        "rows": 8, "by_run": {"a-run": reasons, "": reasons}, "by_reason": dict.fromkeys(reasons, 2),
    }  # fmt: skip
    # Of ours: the event sent twice and the second taking in of all eight. Of theirs: all four events.
    assert counts["duplicates"] == {"rows": 13, "by_run": {"a-run": 9, "": 4}}
    assert counts["unaccounted"] == {"rows": 0, "by_run": {}}

    lake.sql(f"DELETE FROM {EVENTS.name} WHERE currency = 'SEK'")
    lost = count_lake(lake, TOPIC)
    assert lost["unaccounted"] == {"rows": 3, "by_run": {"a-run": 2, "": 1}}


def test_records_without_a_time_of_two_topics_are_counted_and_published(lake: SparkSession, warehouse: str) -> None:
    """A topic was created again, and neither of the two writes times: the same offsets hold other records."""
    no_time = F.lit(None).cast("timestamp")
    old = bronze_frame(lake, [b"old 0", b"old 1", value()]).withColumn("kafka_time", no_time)
    new = bronze_frame(lake, [b"new 0", b"new 1"]).withColumn("kafka_time", no_time)
    append_to_bronze(lake, old)
    append_to_bronze(lake, new)
    append_to_bronze(lake, new.withColumn("ingested_at", F.current_timestamp()))
    run_silver(lake, warehouse)
    counts = count_lake(lake, TOPIC)
    assert counts["bronze"]["rows"] == 7
    assert counts["copies"]["rows"] == counts["duplicates"]["rows"] == 2
    assert counts["quarantine"]["by_reason"] == {"malformed_json": 4, "invalid_kafka_time": 1}
    assert counts["unaccounted"]["rows"] == 0


def test_a_job_may_run_twice(lake: SparkSession, warehouse: str) -> None:
    append_to_bronze(lake, bronze_frame(lake, NASTY, run="a-run"))
    run_silver(lake, warehouse)
    HOURLY_SALES.build(lake, run_id="run-1", warehouse=warehouse)
    HOURLY_SALES.gate(lake, run_id="run-1", warehouse=warehouse)
    tables = [EVENTS.name, QUARANTINE.name, HOURLY_SALES.table.name]
    first = {name: lake.table(name).drop("quarantined_at").collect() for name in tables}

    silver.build(lake, run_id="run-1", warehouse=warehouse)
    run_silver(lake, warehouse)
    HOURLY_SALES.build(lake, run_id="run-1", warehouse=warehouse)
    HOURLY_SALES.build(lake, run_id="run-1", warehouse=warehouse)
    HOURLY_SALES.gate(lake, run_id="run-1", warehouse=warehouse)
    HOURLY_SALES.gate(lake, run_id="run-1", warehouse=warehouse)
    for name in tables:
        assert sorted(lake.table(name).drop("quarantined_at").collect(), key=str) == sorted(first[name], key=str)
    assert [len(first[name]) for name in tables] == [3, 4, 2]


def test_what_a_build_was_made_from_is_written_on_it(lake: SparkSession, warehouse: str) -> None:
    append_to_bronze(lake, bronze_frame(lake, NASTY))
    bronze = history(lake, "lake.bronze.events").head()
    run_silver(lake, warehouse)
    HOURLY_SALES.build(lake, run_id="run-2", warehouse=warehouse)
    HOURLY_SALES.gate(lake, run_id="run-2", warehouse=warehouse)
    events, sales = history(lake, EVENTS.name).head(), history(lake, HOURLY_SALES.table.name).head()
    assert bronze is not None
    assert events is not None
    assert sales is not None
    stamped = {name: value for name, value in events.properties.items() if name.startswith("lakehouse.")}
    assert stamped == {
        "lakehouse.run-id": "run-1",
        "lakehouse.job": "silver.events",
        "lakehouse.input-table": "lake.bronze.events",
        "lakehouse.input-snapshot": str(bronze.id),
    }
    assert (sales.properties[RUN_ID], sales.properties[INPUT_SNAPSHOT]) == ("run-2", str(events.id))


def test_a_failed_gate_leaves_main_alone_and_says_why(lake: SparkSession, warehouse: str) -> None:
    append_to_bronze(lake, bronze_frame(lake, NASTY))
    run_silver(lake, warehouse)
    HOURLY_SALES.build(lake, run_id="run-1", warehouse=warehouse)
    HOURLY_SALES.gate(lake, run_id="run-1", warehouse=warehouse)
    table = HOURLY_SALES.table
    good = history(lake, table.name).heads["main"]

    HOURLY_SALES.build(lake, run_id="run-2", warehouse=warehouse)
    lake.sql(f"UPDATE {table.on('audit')} SET revenue = revenue + 0.01 WHERE currency = 'EUR'")
    bad = history(lake, table.name).heads["audit"]
    # The tampered snapshot lost its stamps, as any foreign commit would; the comparison must still find its input.
    with pytest.raises(GateFailed, match="Revenue by currency equals"):
        HOURLY_SALES.gate(lake, run_id="run-2", warehouse=warehouse)
    assert history(lake, table.name).heads["main"] == good

    newest = documents.read(documents.addresses(warehouse, table.name)[0])
    head = {name: newest[name] for name in ("suite", "table", "branch", "snapshot_id", "run_id", "job", "success")}
    assert head == {
        "suite": "gold.hourly_sales", "table": table.name, "branch": "audit", "snapshot_id": str(bad),
        "run_id": "run-2", "job": "gold.hourly_sales.gate", "success": False,
    }  # fmt: skip
    assert (newest["published"], newest["rows"]) == (False, 2)
    broken = the_only([one for one in newest["expectations"] if not one["success"]])
    assert (broken["severity"], broken["unexpected_count"]) == ("critical", 1)
    assert broken["unexpected_sample"] == [{"currency": "EUR", "gold": "40.02", "silver": "40.01"}]


def test_failing_rows_are_counted_whole_and_shown_in_part(lake: SparkSession, warehouse: str) -> None:
    many = [value(event_id=str(uuid.UUID(int=number))) for number in range(100, 150)]
    append_to_bronze(lake, bronze_frame(lake, many))
    silver.build(lake, run_id="run-1", warehouse=warehouse)
    lake.sql(f"UPDATE {EVENTS.on('audit')} SET currency = 'ZZZ'")
    with pytest.raises(GateFailed):
        silver.gate(lake, run_id="run-1", warehouse=warehouse)
    document = documents.read(the_only(documents.addresses(warehouse, EVENTS.name)))
    broken = the_only([one for one in document["expectations"] if not one["success"]])
    assert (broken["column"], broken["title"]) == ("currency", "Every currency is one we know.")
    assert (broken["unexpected_count"], broken["unexpected_percent"]) == (50, 100.0)
    assert broken["unexpected_sample"] == ["ZZZ"] * 20
    rejected = documents.read(the_only(documents.addresses(warehouse, QUARANTINE.name)))
    assert (rejected["success"], rejected["published"]) == (True, False)
    assert "main" not in history(lake, EVENTS.name).heads
    assert "main" not in history(lake, QUARANTINE.name).heads


def test_what_cannot_be_judged_is_no_verdict(lake: SparkSession, warehouse: str) -> None:
    """A query that fails says nothing about the data: no document, no verdict, and the task may be tried again."""
    HOURLY_SALES.build(lake, run_id="run-1", warehouse=warehouse)
    broken = Suite("broken", lambda: [expectation_classes().UnexpectedRowsExpectation(
        unexpected_rows_query="SELECT * FROM {batch} JOIN nothing_there", description="Something holds."
    )])  # fmt: skip
    with pytest.raises(JobError, match="could not be evaluated: Something holds") as raised:
        replace(HOURLY_SALES, suite=broken).gate(lake, run_id="run-1", warehouse=warehouse)
    assert not isinstance(raised.value, GateFailed)
    assert documents.addresses(warehouse, HOURLY_SALES.table.name) == []
    assert "main" not in history(lake, HOURLY_SALES.table.name).heads


def test_a_lost_record_closes_the_gate(lake: SparkSession, warehouse: str) -> None:
    append_to_bronze(lake, bronze_frame(lake, NASTY))
    silver.build(lake, run_id="run-1", warehouse=warehouse)
    lake.sql(f"DELETE FROM {QUARANTINE.on('audit')} WHERE reason = 'oversized'")
    with pytest.raises(GateFailed, match="Every bronze record is in silver, in quarantine or a duplicate"):
        silver.gate(lake, run_id="run-1", warehouse=warehouse)


def test_a_crash_between_the_two_publishes_is_no_gap(lake: SparkSession, warehouse: str) -> None:
    """Quarantine is one build ahead of silver: the count reads the pair that silver names, and the next gate mends."""
    append_to_bronze(lake, bronze_frame(lake, NASTY))
    run_silver(lake, warehouse)
    append_to_bronze(lake, bronze_frame(lake, NASTY).withColumn("partition", F.lit(1)))
    _, rejected = silver.build(lake, run_id="run-2", warehouse=warehouse)
    publish(lake, QUARANTINE, rejected)

    between = count_lake(lake, TOPIC)
    assert (between["silver"]["rows"], between["quarantine"]["rows"], between["pending"]["rows"]) == (3, 4, 8)
    assert (between["duplicates"]["rows"], between["unaccounted"]["rows"]) == (1, 0)

    silver.gate(lake, run_id="run-2", warehouse=warehouse)
    after = count_lake(lake, TOPIC)
    assert (after["silver"]["rows"], after["quarantine"]["rows"], after["pending"]["rows"]) == (3, 8, 0)
    assert (after["duplicates"]["rows"], after["unaccounted"]["rows"]) == (5, 0)


def test_a_gate_without_a_whole_build_says_so(lake: SparkSession, warehouse: str) -> None:
    with pytest.raises(GateFailed, match="Nothing has been built"):
        silver.gate(lake, run_id="run-1", warehouse=warehouse)
    append_to_bronze(lake, bronze_frame(lake, NASTY))
    run_silver(lake, warehouse)
    silver.build(lake, run_id="run-2", warehouse=warehouse)
    head = history(lake, QUARANTINE.name).heads["main"]
    lake.sql(f"ALTER TABLE {QUARANTINE.name} CREATE OR REPLACE BRANCH audit AS OF VERSION {head}")
    with pytest.raises(GateFailed, match="did not finish"):
        silver.gate(lake, run_id="run-2", warehouse=warehouse)
