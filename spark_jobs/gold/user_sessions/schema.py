"""The stored columns of user sessions."""

from spark_jobs.table import Column, Table

USER_SESSIONS = Table(
    name="lake.gold.user_sessions",
    comment="One row a shopping session.",
    columns=(
        Column("session_id", "STRING", "UUID of the session; unique"),
        Column("user_id", "STRING", "The shopper (of the session's first event)"),
        Column("started_at", "TIMESTAMP", "Time of the first event"),
        Column("ended_at", "TIMESTAMP", "Time of the last event"),
        Column("duration_seconds", "BIGINT", "Whole seconds between the two"),
        Column("events", "BIGINT", "Events"),
        Column("views", "BIGINT", "View events"),
        Column("searches", "BIGINT", "Search events"),
        Column("carts", "BIGINT", "Add-to-cart events"),
        Column("purchases", "BIGINT", "Bought lines (one a purchase event)"),
        Column("revenue", "DECIMAL(18,2)", "Sum of price x quantity, in currency"),
        Column("currency", "STRING", "ISO 4217 code (of the session's first purchase, else of its first event)"),
        Column("device", "STRING", "The device (of the session's first event)"),
        Column("country", "STRING", "The country (of the session's first event)"),
        Column("converted", "BOOLEAN", "Whether anything was bought"),
    ),
    partitioned_by="days(started_at)",
)
