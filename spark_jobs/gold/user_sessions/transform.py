"""From silver events to shopping sessions."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.gold.revenue import revenue


def user_sessions(events: DataFrame) -> DataFrame:
    """`lake.gold.user_sessions` of silver events. Grain: session_id.

    A session has one currency. Should senders mix them, the first purchase's is named; the gate's comparison of
    revenue by currency then shows it.
    """
    first = F.struct("event_time", "kafka_time", "partition", "offset")
    bought = F.col("event_type") == "purchase"
    purchase = F.when(bought, first)
    return (
        events.groupBy("session_id")
        .agg(
            F.min_by("user_id", first).alias("user_id"),
            F.min("event_time").alias("started_at"),
            F.max("event_time").alias("ended_at"),
            F.count(F.lit(1)).alias("events"),
            _events_of("view").alias("views"),
            _events_of("search").alias("searches"),
            _events_of("add_to_cart").alias("carts"),
            _events_of("purchase").alias("purchases"),
            F.sum(revenue()).alias("revenue"),
            F.coalesce(F.min_by("currency", purchase), F.min_by("currency", first)).alias("currency"),
            F.min_by("device", first).alias("device"),
            F.min_by("country", first).alias("country"),
        )
        .select(
            F.col("session_id"),
            F.col("user_id"),
            F.col("started_at"),
            F.col("ended_at"),
            F.expr("timestampdiff(SECOND, started_at, ended_at)").alias("duration_seconds"),
            F.col("events"),
            F.col("views"),
            F.col("searches"),
            F.col("carts"),
            F.col("purchases"),
            F.col("revenue").cast("decimal(18,2)").alias("revenue"),
            F.col("currency"),
            F.col("device"),
            F.col("country"),
            (F.col("purchases") > 0).alias("converted"),
        )
    )


def _events_of(event_type: str) -> Column:
    return F.count_if(F.col("event_type") == event_type)
