"""From silver events to the best products of each day."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.gold.revenue import revenue
from spark_jobs.gold.top_products.schema import PLACES


def top_products(events: DataFrame) -> DataFrame:
    """`lake.gold.top_products` of silver events. Grain: day x currency x product, the first 100 of each day x currency.

    Products that were looked at but not bought take part with a revenue of 0.
    """
    by_revenue = Window.partitionBy("day", "currency").orderBy(F.desc("revenue"), F.asc("product_id"))
    return (
        events.where(F.col("product_id").isNotNull())
        .groupBy(F.to_date("event_time").alias("day"), "currency", "product_id")
        .agg(
            # A product keeps its category; should senders disagree, the choice must still be the same every time.
            F.max("category").alias("category"),
            _events_of("view").alias("views"),
            _events_of("add_to_cart").alias("carts"),
            _events_of("purchase").alias("purchases"),
            F.sum(F.when(_is("purchase"), F.col("quantity")).otherwise(0)).alias("units"),
            F.sum(revenue()).alias("revenue"),
        )
        .withColumn("rank", F.row_number().over(by_revenue))
        .where(F.col("rank") <= PLACES)
        .select(
            F.col("day"),
            F.col("currency"),
            F.col("rank"),
            F.col("product_id"),
            F.col("category"),
            F.col("views"),
            F.col("carts"),
            F.col("purchases"),
            F.col("units"),
            F.col("revenue").cast("decimal(18,2)").alias("revenue"),
        )
    )


def _is(event_type: str) -> Column:
    return F.col("event_type") == event_type


def _events_of(event_type: str) -> Column:
    return F.count_if(_is(event_type))
