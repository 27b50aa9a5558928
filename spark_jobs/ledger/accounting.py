"""Which bronze records are in silver, in quarantine, duplicates, or nowhere."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.bronze.events.identity import CONTENT, KEY, content
from spark_jobs.silver.events.parse import parsed


def matched(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    """Bronze rows that are in silver or quarantine. Copies of one record all match."""
    return _joined(bronze, silver, quarantine, "left_semi")


def left_over(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    """Bronze rows in neither, with `event_id` and `is_duplicate`: whether silver has that event from another record."""
    rows = _joined(bronze, silver, quarantine, "left_anti")
    named = parsed(rows).withColumn("event_id", F.lower("event_id"))
    known = silver.select("event_id", F.lit(True).alias("known"))
    return named.join(known, on="event_id", how="left").select(
        *bronze.columns, "event_id", F.coalesce("known", F.lit(False)).alias("is_duplicate")
    )


def unaccounted(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame) -> DataFrame:
    """(partition, offset, kafka_time, event_id) of the bronze rows that are nowhere: none, in a lake that is right."""
    return left_over(bronze, silver, quarantine).where(~F.col("is_duplicate")).select(*KEY, "event_id")


def repeated(rows: DataFrame) -> DataFrame:
    """(scenario_run, n) for each record that is there more than once: how many of its rows are copies."""
    timed, timeless = _by_time(rows)
    groups = (timed.groupBy(*KEY, "topic"), timeless.groupBy("partition", "offset", content(), "topic"))
    counts = [
        group.agg(F.first("scenario_run").alias("scenario_run"), (F.count(F.lit(1)) - 1).alias("n")).select(
            "scenario_run", "n"
        )
        for group in groups
    ]
    return counts[0].unionByName(counts[1]).where("n > 0")


def _joined(bronze: DataFrame, silver: DataFrame, quarantine: DataFrame, how: str) -> DataFrame:
    """A join on a record's identity. Only for records without a Kafka time does it read their values."""
    rows, rows_timeless = _by_time(bronze)
    rejected, rejected_timeless = _by_time(quarantine)
    accounted = silver.select(*KEY).unionByName(rejected.select(*KEY))
    timed = rows.join(accounted, on=list(KEY), how=how).select(*bronze.columns)
    # Every record without a Kafka time is rejected: silver has none.
    place = ["partition", "offset", CONTENT]
    timeless = rows_timeless.withColumn(CONTENT, content()).join(
        rejected_timeless.select("partition", "offset", content()), on=place, how=how
    )
    return timed.unionByName(timeless.select(*bronze.columns))


def _by_time(rows: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The records with a Kafka time, and those without."""
    return rows.where(F.col("kafka_time").isNotNull()), rows.where(F.col("kafka_time").isNull())
