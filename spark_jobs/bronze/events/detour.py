"""A way into bronze beside the continuous query, for records that Spark's Kafka source can't read.

The source ends its query over a timestamp of more than 64 bits in microseconds, and can't leave a record out. Such a
record is read with another client and appended here; the query then goes on behind it, with a new checkpoint.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.bronze.events.job import QUERY_NAME
from spark_jobs.bronze.events.schema import EVENTS, ONE_FILE_AT_A_TIME
from spark_jobs.bronze.events.transform import bronze_rows
from spark_jobs.provenance import JOB, RUN_ID, as_options, history
from spark_jobs.tables import ensure_tables

# Names the checkpoint whose query could not read the records: one commit for each.
CHECKPOINT = "lakehouse.detour-of-checkpoint"
_RECORDS = (
    "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, timestamp BIGINT, "
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
)


class Record(NamedTuple):
    """One Kafka record; `timestamp` in milliseconds, whatever its producer chose."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def take_in(spark: SparkSession, topic: str, records: Sequence[Record], *, checkpoint: str) -> None:
    """Append these records to bronze in one commit; nothing happens when this checkpoint has such a commit already."""
    ensure_tables(spark, (EVENTS,))
    if any(one.properties.get(CHECKPOINT) == checkpoint for one in history(spark, EVENTS.name).snapshots.values()):
        return
    rows = [(one.key, one.value, topic, one.partition, one.offset, one.timestamp, list(one.headers)) for one in records]
    stamps = {RUN_ID: f"detour of {checkpoint.rpartition('/')[2]}", JOB: QUERY_NAME, CHECKPOINT: checkpoint}
    frame = bronze_rows(
        spark.createDataFrame(rows, _RECORDS), ingested_at=F.current_timestamp(), timestamp=F.col("timestamp")
    )
    frame.writeTo(EVENTS.name).options(**ONE_FILE_AT_A_TIME, **as_options(stamps)).append()
