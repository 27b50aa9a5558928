"""From Kafka records to bronze rows: headers may be absent, repeated or nonsense."""

from datetime import UTC, datetime

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from spark_jobs.bronze.events.calendar import LAST, SPARK_LARGEST
from spark_jobs.bronze.events.schema import EVENTS
from spark_jobs.bronze.events.transform import bronze_rows
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
