"""From silver events to hourly sales."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.gold.revenue import revenue


def hourly_sales(events: DataFrame) -> DataFrame:
    """`lake.gold.hourly_sales` of silver events. Grain: hour x currency x category; purchases only."""
    return (
        events.where(F.col("event_type") == "purchase")
        .groupBy(F.date_trunc("hour", "event_time").alias("hour"), "currency", "category")
        .agg(
            F.count_distinct("order_id").alias("orders"),
            F.sum("quantity").alias("units"),
            F.sum(revenue()).alias("revenue"),
            F.count_distinct("user_id").alias("buyers"),
        )
        .select(
            F.col("hour"),
            F.col("currency"),
            F.col("category"),
            F.col("orders"),
            F.col("units"),
            F.col("revenue").cast("decimal(18,2)").alias("revenue"),
            F.col("buyers"),
        )
    )
