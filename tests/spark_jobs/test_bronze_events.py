"""From Kafka records to bronze rows: headers may be absent, repeated or nonsense, and days may be very many."""

from datetime import UTC, datetime

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from spark_jobs.bronze.events.calendar import LAST, SPARK_LARGEST
from spark_jobs.bronze.events.job import StreamSettings, written
from spark_jobs.bronze.events.schema import EVENTS
from spark_jobs.bronze.events.transform import HEADERS as HEADERS_TYPE
from spark_jobs.bronze.events.transform import bronze_rows
from spark_jobs.kafka_client import KafkaClient
from spark_jobs.tables import ensure_tables
from tests.spark_jobs.frames import rows_of, types_of

pytestmark = pytest.mark.stack

RECORDS = (
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, timestampType INT, "
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
)
NOW = datetime(2026, 11, 23, 17, 0, 5, tzinfo=UTC)
SENT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
RUN = "1f0b7c1e-0000-4000-8000-000000000001"

HEADERS: list[tuple[list[tuple[str, bytes | None]] | None, str | None, int | None]] = [
    ([("scenario-run", RUN.encode()), ("sequence", b"41")], RUN, 41),
    (None, None, None),
    ([], None, None),
    ([("traceparent", b"00-1-2-01")], None, None),
    ([("scenario-run", None), ("sequence", None)], None, None),
    ([("scenario-run", b"\xff\xfe"), ("sequence", b"\xff")], None, None),
    ([("scenario-run", b""), ("sequence", b"-1")], None, None),
    ([("scenario-run", b"x" * 65), ("sequence", b"9" * 19)], None, None),
    ([("sequence", b"1"), ("sequence", b"2"), ("scenario-run", b"a"), ("scenario-run", b"b")], "a", 1),
]


def test_every_record_becomes_one_row(spark: SparkSession) -> None:
    records = spark.createDataFrame(
        [
            (
                None if number else bytearray(b"u-1"),
                None if number else bytearray(b"{}"),
                "t",
                3,
                number,
                SENT,
                0,
                headers,
            )
            for number, (headers, _, _) in enumerate(HEADERS)
        ],
        RECORDS,
    )
    found = bronze_rows(records, ingested_at=F.lit(NOW))
    assert types_of(found) == [(column.name, column.type.upper()) for column in EVENTS.columns]
    assert rows_of(found, "offset") == [
        {
            "value": None if number else b"{}",
            "key": None if number else b"u-1",
            "topic": "t",
            "partition": 3,
            "offset": number,
            "kafka_time": SENT.replace(tzinfo=None),
            "ingested_at": NOW.replace(tzinfo=None),
            "scenario_run": run,
            "sequence": sequence,
            "headers": [Row(key=name, value=value) for name, value in headers or []],
            "kafka_timestamp": None,
        }
        for number, (headers, run, sequence) in enumerate(HEADERS)
    ]


# Timestamps in milliseconds, and whether each is a time.
TIMESTAMPS = {
    0: True,
    1: True,
    1_700_000_000_123: True,
    LAST: True,
    -1: False,
    -2: False,
    -86_400_000: False,
    LAST + 1: False,
    4_000_000_000_000_000: False,
    SPARK_LARGEST: False,
}


def test_a_timestamp_that_is_no_time_is_kept_as_a_number(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [(None, bytearray(b"{}"), "t", 0, offset, timestamp, None) for offset, timestamp in enumerate(TIMESTAMPS)],
        RECORDS.replace("timestamp TIMESTAMP, timestampType INT", "timestamp BIGINT"),
    )
    as_spark_reads = rows.withColumn("timestamp", F.timestamp_millis("timestamp"))
    by_number = bronze_rows(rows, ingested_at=F.lit(NOW), timestamp=F.col("timestamp"))
    for found in (by_number, bronze_rows(as_spark_reads, ingested_at=F.lit(NOW))):
        shown = found.select("offset", F.unix_millis("kafka_time").alias("time"), "kafka_timestamp")
        assert rows_of(shown, "offset") == [
            {
                "offset": offset,
                "time": timestamp if is_time else None,
                "kafka_timestamp": None if is_time else timestamp,
            }
            for offset, (timestamp, is_time) in enumerate(TIMESTAMPS.items())
        ]


DAYS = 300


def test_a_batch_of_very_many_days_has_one_open_file_per_task(lake: SparkSession, warehouse: str) -> None:
    """A producer chooses the days. A file that is open for each of them exhausts memory: 5,000 days ended Spark."""
    ids = lake.range(0, 3 * DAYS, 1, 1)
    # Neighbours have other days, as in a topic.
    day = (F.col("id") * 7) % DAYS
    ids.select(
        F.lit(None).cast("binary").alias("key"),
        F.col("id").cast("string").cast("binary").alias("value"),
        F.lit("t").alias("topic"),
        F.lit(0).alias("partition"),
        F.col("id").alias("offset"),
        F.timestamp_millis(F.lit(1_700_000_000_000) + day * 86_400_000).alias("timestamp"),
        F.lit(0).alias("timestampType"),
        F.lit(None).cast(HEADERS_TYPE).alias("headers"),
    ).coalesce(1).write.parquet(f"{warehouse}/records")
    records = lake.readStream.schema(RECORDS).parquet(f"{warehouse}/records")
    settings = StreamSettings(KafkaClient("nowhere:1"), "t", f"{warehouse}/checkpoint", "a-run")
    ensure_tables(lake, (EVENTS,))
    # A table of an earlier version has this property.
    lake.sql(f"ALTER TABLE {EVENTS.name} SET TBLPROPERTIES ('write.spark.fanout.enabled' = 'true')")
    query = written(records, settings).trigger(availableNow=True).toTable(EVENTS.name)
    assert query.awaitTermination(600)

    assert lake.table(EVENTS.name).count() == 3 * DAYS
    files = lake.sql(f"SELECT partition.kafka_time_day AS day, file_path, record_count FROM {EVENTS.name}.files")
    rows = files.collect()
    assert {row["record_count"] for row in rows} == {3}
    # A task numbers its files as it opens them. They come in the order of the days only if the task writes one day
    # after the other; with all files open at once they come in the order of the records.
    numbered = sorted((row["file_path"].rpartition("-")[2], row["day"]) for row in rows)
    assert [day for _, day in numbered] == sorted(row["day"] for row in rows)
    assert len(numbered) == DAYS
