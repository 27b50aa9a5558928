"""The stored columns of top products."""

from spark_jobs.table import Column, Table

PLACES = 100

TOP_PRODUCTS = Table(
    name="lake.gold.top_products",
    comment="The hundred best products of each day and currency, by revenue and then by product_id.",
    columns=(
        Column("day", "DATE", "Day (UTC) of the event time"),
        Column("currency", "STRING", "ISO 4217 code"),
        Column("rank", "INT", "Place of the day in its currency, from 1"),
        Column("product_id", "STRING", "The product"),
        Column("category", "STRING", "The product's category"),
        Column("views", "BIGINT", "View events"),
        Column("carts", "BIGINT", "Add-to-cart events"),
        Column("purchases", "BIGINT", "Bought lines (one a purchase event)"),
        Column("units", "BIGINT", "Pieces sold"),
        Column("revenue", "DECIMAL(18,2)", "Sum of price x quantity, in currency"),
    ),
    partitioned_by="days(day)",
)
