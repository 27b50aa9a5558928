"""From a Kafka record to a bronze row."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.bronze.events.calendar import FIRST, LAST

RUN_ID = r"\A[0-9A-Za-z._-]{1,64}\z"
HEADERS = "array<struct<key: string, value: binary>>"


def bronze_rows(records: DataFrame, *, ingested_at: Column) -> DataFrame:
    """Bronze rows (`lake.bronze.events`) of Kafka records read with `includeHeaders`; one row a record, none left out.

    Run and sequence come from headers; they are null when the header is absent or malformed, since any client may
    write to the topic.
    """
    return records.select(
        F.col("value"),
        F.col("key"),
        F.col("topic"),
        F.col("partition"),
        F.col("offset"),
        _within_calendar(F.col("timestamp")).alias("kafka_time"),
        ingested_at.alias("ingested_at"),
        _matching(_header("scenario-run"), RUN_ID).alias("scenario_run"),
        _matching(_header("sequence"), r"\A\d{1,18}\z").try_cast("bigint").alias("sequence"),
        # Spark gives null for a record without headers.
        F.coalesce(F.col("headers"), F.array().cast(HEADERS)).alias("headers"),
    )


def _within_calendar(time: Column) -> Column:
    return F.when(time.between(F.timestamp_millis(F.lit(FIRST)), F.timestamp_millis(F.lit(LAST))), time)


def _header(name: str) -> Column:
    named = F.filter(F.col("headers"), lambda header: header["key"] == F.lit(name))
    return F.try_element_at(named, F.lit(1))["value"].cast("string")


def _matching(text: Column, pattern: str) -> Column:
    return F.when(text.rlike(pattern), text)
