"""Which bronze records are in silver, in quarantine, duplicates, or nowhere."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.silver.events.parse import parsed

# A record's identity. Kafka's time belongs to it: in a topic that was created again, offsets start at 0 again, while a
# record that is ingested twice keeps its time.
KEY = ["partition", "offset", "kafka_time"]


def matched(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    """Bronze rows that are in silver or quarantine. Copies of one record all match."""
    return _joined(bronze, _accounted(silver, quarantine), "left_semi")


def left_over(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    """Bronze rows in neither, with `event_id` and `is_duplicate`: whether silver has that event from another record."""
    rows = _joined(bronze, _accounted(silver, quarantine), "left_anti")
    named = parsed(rows).withColumn("event_id", F.lower("event_id"))
    known = silver.select("event_id", F.lit(True).alias("known"))
    return named.join(known, on="event_id", how="left").select(
        *bronze.columns, "event_id", F.coalesce("known", F.lit(False)).alias("is_duplicate")
    )


def unaccounted(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    """(partition, offset, kafka_time, event_id) of the bronze rows that are nowhere: none, in a lake that is right."""
    return left_over(bronze, silver, quarantine).where(~F.col("is_duplicate")).select(*KEY, "event_id")


def _joined(bronze: DataFrame, accounted: DataFrame, how: str) -> DataFrame:
    """A join on `KEY` that also finds records without a Kafka time."""
    rows, found = bronze.alias("bronze"), accounted.alias("accounted")
    same = [F.col(f"bronze.{name}") == F.col(f"accounted.{name}") for name in ("partition", "offset")]
    same.append(F.col("bronze.kafka_time").eqNullSafe(F.col("accounted.kafka_time")))
    return rows.join(found, on=same, how=how).select("bronze.*")


def _accounted(silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    return silver.select(*KEY).unionByName(quarantine.select(*KEY))
