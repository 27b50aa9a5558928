"""Why a record is rejected: rules in their order, the first that is broken names the reason.

A rule is a pure column; it reads what `parse.parsed` adds. To add one, write it into the function of its reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from spark_jobs.silver.events.parse import MAX_BYTES, NUMBER_FIELDS, TEXT_FIELDS, is_not_text, json_type
from spark_jobs.silver.events.schema import CURRENCIES, EVENT_TYPES, MAX_PRICE, MAX_QUANTITY

REASONS = (
    "empty_record", "oversized", "malformed_json", "not_an_object", "missing_field", "wrong_type",
    "invalid_identifier", "unknown_event_type", "invalid_time", "invalid_price", "invalid_quantity", "unknown_currency",
)  # fmt: skip

WITH_PRODUCT = ("view", "add_to_cart", "remove_from_cart", "purchase")
# The fields that must be there, by event type; None stands for every type, the unknown ones too.
REQUIRED: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    *((name, None) for name in ("event_id", "event_type", "event_time", "user_id", "session_id")),
    *((name, None) for name in ("currency", "country", "device")),
    ("product_id", WITH_PRODUCT),
    ("category", WITH_PRODUCT),
    ("price", WITH_PRODUCT),
    ("quantity", ("add_to_cart", "remove_from_cart", "purchase")),
    ("order_id", ("checkout", "purchase")),
    ("query", ("search",)),
)
# Fields that no later rule looks at: a blank says no more than an absent one.
DESCRIPTIVE = ("country", "device", "category")

UUID = r"\A[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\z"
NAME = r"\A[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}\z"
IDENTIFIERS = (("event_id", UUID), ("user_id", NAME), ("session_id", UUID), ("product_id", NAME), ("order_id", UUID))
# A time without a zone could mean any of 26 hours: it is rejected rather than guessed.
TIME = r"\A\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})\z"

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Rule:
    """One way to be bad: `broken` is true (not null, not false) for a record that breaks it."""

    reason: str
    field: str | None
    broken: Column
    detail: Column


def verdict() -> Column:
    """A struct (reason, field, detail) for a rejected record, null for a good one."""
    return F.coalesce(
        *(
            F.when(
                rule.broken,
                F.struct(
                    F.lit(rule.reason).alias("reason"),
                    F.lit(rule.field).cast("string").alias("field"),
                    rule.detail.alias("detail"),
                ),
            )
            for rule in rules()
        )
    )


def rules() -> Iterator[Rule]:
    """All rules in their order (that of `REASONS`, then that of the fields)."""
    yield from _whole_record()
    yield from _missing()
    yield from _wrong_type()
    yield from _identifiers()
    yield Rule("unknown_event_type", "event_type", ~F.col("event_type").isin(*EVENT_TYPES), _shown("event_type"))
    yield from _times()
    yield from _amounts()
    yield Rule("unknown_currency", "currency", ~F.col("currency").isin(*CURRENCIES), _shown("currency"))


def event_time() -> Column:
    """The event's time, null where it is none."""
    text = F.col("event_time")
    return F.when(text.rlike(TIME), text.try_cast("timestamp"))


def price() -> Column:
    """The price in whole cents (rounded half up), null where there is none or it is beyond all measure."""
    return F.col("price").try_cast("decimal(38,10)").try_cast("decimal(20,2)")


def _whole_record() -> Iterator[Rule]:
    empty = F.col("value").isNull() | (F.col("bytes") == 0) | (F.col("text") == "")
    size = F.concat(F.format_number(F.col("bytes"), 0), F.lit(f" bytes; {MAX_BYTES:,} are allowed"))
    yield Rule("empty_record", None, empty, F.lit("The record has no value"))
    yield Rule("oversized", None, F.col("bytes") > MAX_BYTES, size)
    yield Rule("malformed_json", None, ~F.col("is_utf8"), F.lit("The bytes are not valid UTF-8"))
    yield Rule("malformed_json", None, ~F.col("is_json"), F.lit("The text is not one complete JSON value"))
    yield Rule("not_an_object", None, ~F.col("is_object"), F.lit("The JSON value is not an object"))


def _missing() -> Iterator[Rule]:
    for name, event_types in REQUIRED:
        absent = F.col(name).isNull()
        if name in NUMBER_FIELDS:
            absent = absent & F.when(F.col("has_misfit"), json_type(name).isNull()).otherwise(F.lit(True))
        if name in DESCRIPTIVE:
            absent = absent | (F.trim(name) == "")
        applies = F.lit(True) if event_types is None else F.col("event_type").isin(*event_types)
        yield Rule("missing_field", name, applies & absent, F.lit(f"{name} is missing"))


def _wrong_type() -> Iterator[Rule]:
    for name in TEXT_FIELDS:
        yield Rule("wrong_type", name, is_not_text(name), _mistyped(name, "text"))
    for name in NUMBER_FIELDS:
        misfit = F.when(F.col("has_misfit") & F.col(name).isNull(), json_type(name).isNotNull())
        yield Rule("wrong_type", name, misfit, _mistyped(name, "a number"))
    whole = F.col("quantity") == F.floor("quantity")
    yield Rule("wrong_type", "quantity", ~whole, F.concat(F.lit("Not a whole number: "), _shown("quantity")))


def _identifiers() -> Iterator[Rule]:
    for name, pattern in IDENTIFIERS:
        yield Rule("invalid_identifier", name, ~F.col(name).rlike(pattern), _shown(name))


def _times() -> Iterator[Rule]:
    time, sent = event_time(), F.col("kafka_time")
    for broken, words in (
        (time.isNull(), "Not a time with its zone"),
        (time > sent + F.expr("INTERVAL 1 HOUR"), "Over 1 hour ahead of Kafka's time"),
        (time < sent - F.expr("INTERVAL 400 DAYS"), "Over 400 days before Kafka's time"),
    ):
        yield Rule("invalid_time", "event_time", broken, F.concat(F.lit(f"{words}: "), _shown("event_time")))


def _amounts() -> Iterator[Rule]:
    amount, pieces = price(), F.col("quantity")
    in_range = F.coalesce((amount > 0) & (amount <= MAX_PRICE), F.lit(False))
    yield Rule("invalid_price", "price", F.col("price").isNotNull() & ~in_range, _shown("price"))
    yield Rule("invalid_quantity", "quantity", ~pieces.between(1, MAX_QUANTITY), _shown("quantity"))


def _shown(name: str) -> Column:
    return F.concat(F.lit('"'), F.substring(F.col(name).cast("string"), 1, _SHOWN_CHARACTERS), F.lit('"'))


def _mistyped(name: str, expected: str) -> Column:
    return F.concat(F.lit(f"Not {expected} but "), F.coalesce(json_type(name), F.lit("something else")))
