"""From a Kafka record to a bronze row."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.bronze.events.calendar import FIRST, LAST

RUN_ID = r"\A[0-9A-Za-z._-]{1,64}\z"
HEADERS = "array<struct<key: string, value: binary>>"


def bronze_rows(records: DataFrame, *, ingested_at: Column, timestamp: Column | None = None) -> DataFrame:
    """Bronze rows (`lake.bronze.events`) of Kafka records read with `includeHeaders`; one row a record, none left out.

    Run and sequence come from headers; they are null when the header is absent or malformed, since any client may
    write to the topic.

    Args:
        timestamp: the record's timestamp in milliseconds. By default it comes from the column `timestamp`, in which
            Spark shifts what is before 1582-10-15 by the days between the Julian and the Gregorian calendar.
    """
    in_ms = F.unix_millis("timestamp") if timestamp is None else timestamp
    is_time = in_ms.between(FIRST, LAST)
    return records.select(
        F.col("value"),
        F.col("key"),
        F.col("topic"),
        F.col("partition"),
        F.col("offset"),
        F.when(is_time, F.timestamp_millis(in_ms)).alias("kafka_time"),
        ingested_at.alias("ingested_at"),
        _matching(_header("scenario-run"), RUN_ID).alias("scenario_run"),
        _matching(_header("sequence"), r"\A\d{1,18}\z").try_cast("bigint").alias("sequence"),
        # Spark gives null for a record without headers.
        F.coalesce(F.col("headers"), F.array().cast(HEADERS)).alias("headers"),
        F.when(~is_time, in_ms).alias("kafka_timestamp"),
    )


def _header(name: str) -> Column:
    named = F.filter(F.col("headers"), lambda header: header["key"] == F.lit(name))
    return F.try_element_at(named, F.lit(1))["value"].cast("string")


def _matching(text: Column, pattern: str) -> Column:
    return F.when(text.rlike(pattern), text)
