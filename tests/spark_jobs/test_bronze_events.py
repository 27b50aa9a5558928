"""From Kafka records to bronze rows: headers may be absent, repeated or nonsense."""

from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

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
    assert types_of(found) == [(column.name, column.type) for column in EVENTS.columns]
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
        }
        for number, (_, run, sequence) in enumerate(HEADERS)
    ]
