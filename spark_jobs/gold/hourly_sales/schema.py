"""The stored columns of hourly sales."""

from spark_jobs.table import Column, Table

HOURLY_SALES = Table(
    name="lake.gold.hourly_sales",
    comment="Purchases by hour, currency and category. One row for each of these that had any.",
    columns=(
        Column("hour", "TIMESTAMP", "Start of the hour (UTC) of the event time"),
        Column("currency", "STRING", "ISO 4217 code"),
        Column("category", "STRING", "Product category"),
        Column("orders", "BIGINT", "Distinct orders"),
        Column("units", "BIGINT", "Pieces sold"),
        Column("revenue", "DECIMAL(18,2)", "Sum of price x quantity, in currency"),
        Column("buyers", "BIGINT", "Distinct users"),
    ),
    partitioned_by="days(hour)",
)
