"""From bronze rows to good events, rejected records and (by what is in neither) duplicates."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.bronze.events.identity import identity
from spark_jobs.silver.events import rules
from spark_jobs.silver.events.parse import parsed


def judged(bronze: DataFrame) -> DataFrame:
    """Bronze rows with their parsed fields and `verdict`: null for a good record, else (reason, field, detail)."""
    rows = parsed(bronze)
    # Spark moves a filter below the columns it asks about by writing their whole expression into it, at every mention:
    # a filter on the verdict would read each record dozens of times and take longer to plan than to run. It can't move
    # a filter below a generator, and this one gives exactly one row for each.
    found = rows.select(*rows.columns, F.inline(F.array(F.struct(rules.verdict().alias("verdict")))))
    return rules.with_details(found)


def events(judged_rows: DataFrame) -> DataFrame:
    """`lake.silver.events`: the good records, one a event_id; the lowest (kafka_time, partition, offset) wins."""
    good = judged_rows.where(F.col("verdict").isNull()).select(
        F.lower("event_id").alias("event_id"),
        F.col("event_type"),
        rules.event_time().alias("event_time"),
        F.col("user_id"),
        F.lower("session_id").alias("session_id"),
        F.col("product_id"),
        F.col("category"),
        rules.price().try_cast("decimal(12,2)").alias("price"),
        rules.quantity().alias("quantity"),
        F.col("currency"),
        F.col("country"),
        F.col("device"),
        F.col("query"),
        F.lower("order_id").alias("order_id"),
        *_origin(),
    )
    # The last term only decides between copies of one record (taken in twice after a lost checkpoint).
    order = Window.partitionBy("event_id").orderBy("kafka_time", "partition", "offset", "ingested_at")
    return good.withColumn("place", F.row_number().over(order)).where(F.col("place") == 1).drop("place")


def quarantine(judged_rows: DataFrame, *, quarantined_at: Column) -> DataFrame:
    """`lake.silver.quarantine`: one row a rejected record; of copies of one record the first taken in."""
    bad = judged_rows.where(F.col("verdict").isNotNull())
    copies = Window.partitionBy("topic", *identity()).orderBy("ingested_at")
    return (
        bad.withColumn("place", F.row_number().over(copies))
        .where(F.col("place") == 1)
        .select(
            F.lower(F.substring(F.regexp_replace("event_id", r"\p{Cc}", ""), 1, 64)).alias("event_id"),
            F.col("verdict.reason").alias("reason"),
            F.col("verdict.field").alias("field"),
            F.col("verdict.detail").alias("detail"),
            F.col("value"),
            *_origin(),
            quarantined_at.alias("quarantined_at"),
        )
    )


def _origin() -> tuple[Column, ...]:
    return tuple(F.col(name) for name in ("scenario_run", "partition", "offset", "kafka_time", "ingested_at"))
