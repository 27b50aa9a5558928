"""What counts as revenue, said once for silver, for every gold table and for their gates."""

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def revenue() -> Column:
    """The revenue of one event in its currency: price x quantity of a purchase, 0 of anything else."""
    return F.when(F.col("event_type") == "purchase", F.col("price") * F.col("quantity")).otherwise(
        F.lit(Decimal("0.00"))
    )


def revenue_by_currency(events: DataFrame) -> DataFrame:
    """(currency, revenue DECIMAL(18,2)) of silver events; currencies without a purchase are left out."""
    return (
        events.where(F.col("event_type") == "purchase")
        .groupBy("currency")
        .agg(F.sum(revenue()).cast("decimal(18,2)").alias("revenue"))
    )
