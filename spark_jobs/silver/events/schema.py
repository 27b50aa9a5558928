"""The stored columns of silver and quarantine, and the words that an event may use."""

from spark_jobs.table import Column, Table

EVENT_TYPES = ("view", "search", "add_to_cart", "remove_from_cart", "checkout", "purchase")
# ISO 4217 codes of the markets we know; the amounts of gold are summed by currency, so a wrong code is no detail.
CURRENCIES = (
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HUF", "INR",
    "JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "TRY", "USD", "ZAR",
)  # fmt: skip
MAX_PRICE = 1_000_000
MAX_QUANTITY = 10_000
# Characters of a text in free words: a category, a search.
MAX_TEXT = 1_000

_ORIGIN = (
    Column("scenario_run", "STRING", "The scenario run that sent it; null for external records"),
    Column("partition", "INT", "Kafka partition of the record"),
    Column("offset", "BIGINT", "Kafka offset of the record"),
    Column("kafka_time", "TIMESTAMP", "The record's timestamp in Kafka"),
    Column("ingested_at", "TIMESTAMP", "When bronze took it in"),
)

EVENTS = Table(
    name="lake.silver.events",
    comment="Good events, one row an event_id; of several records the lowest (kafka_time, partition, offset).",
    columns=(
        Column("event_id", "STRING", "UUID of the event, lower case; unique"),
        Column("event_type", "STRING", "view, search, add_to_cart, remove_from_cart, checkout or purchase"),
        Column("event_time", "TIMESTAMP", "When the shopper did it"),
        Column("user_id", "STRING", "The shopper"),
        Column("session_id", "STRING", "UUID of the shopping session, lower case"),
        Column("product_id", "STRING", "The product viewed, put, removed or bought"),
        Column("category", "STRING", "The product's category"),
        Column("price", "DECIMAL(12,2)", "Price of one piece, in currency"),
        Column("quantity", "INT", "Pieces"),
        Column("currency", "STRING", "ISO 4217 code"),
        Column("country", "STRING", "The shopper's country"),
        Column("device", "STRING", "The shopper's device"),
        Column("query", "STRING", "What was searched for"),
        Column("order_id", "STRING", "UUID of the order, lower case, on checkout and purchase"),
        *_ORIGIN,
    ),
    partitioned_by="days(event_time)",
)

QUARANTINE = Table(
    name="lake.silver.quarantine",
    comment="Rejected records with the first reason that applies. One row a record; duplicates are not in here.",
    columns=(
        Column("event_id", "STRING", "The event's id where it could be read"),
        Column("reason", "STRING", "Why it was rejected"),
        Column("field", "STRING", "The field at fault; null when it is the record as a whole"),
        Column("detail", "STRING", "What is wrong, in words"),
        Column("value", "BINARY", "The record's value, byte for byte"),
        *_ORIGIN,
        Column("quarantined_at", "TIMESTAMP", "When the build rejected it"),
    ),
    partitioned_by="days(kafka_time)",
)
