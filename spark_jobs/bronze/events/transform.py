"""From a Kafka record to a bronze row."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

RUN_ID = r"\A[0-9A-Za-z._-]{1,64}\z"


def bronze_rows(records: DataFrame, *, ingested_at: Column) -> DataFrame:
    """Bronze rows (`lake.bronze.events`) of Kafka records read with `includeHeaders`; one row a record, none left out.

    Headers that are absent or not what the generator writes give null: anyone may write to the topic.
    """
    return records.select(
        F.col("value"),
        F.col("key"),
        F.col("topic"),
        F.col("partition"),
        F.col("offset"),
        F.col("timestamp").alias("kafka_time"),
        ingested_at.alias("ingested_at"),
        _matching(_header("scenario-run"), RUN_ID).alias("scenario_run"),
        _matching(_header("sequence"), r"\A\d{1,18}\z").try_cast("bigint").alias("sequence"),
    )


def _header(name: str) -> Column:
    named = F.filter(F.col("headers"), lambda header: header["key"] == F.lit(name))
    return F.try_element_at(named, F.lit(1))["value"].cast("string")


def _matching(text: Column, pattern: str) -> Column:
    return F.when(text.rlike(pattern), text)
