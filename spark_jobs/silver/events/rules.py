"""Why a record is rejected: rules in their order, the first that is broken names the reason.

A rule is a pure column; it reads what `parse.parsed` adds. To add one, write it into the function of its reason, and
the reason into `docs/silver.md`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.silver.events import sent, strict
from spark_jobs.silver.events.parse import MAX_BYTES, NUMBER_FIELDS, TEXT_FIELDS, is_not_text, json_type, number
from spark_jobs.silver.events.schema import CURRENCIES, EVENT_TYPES, MAX_PRICE, MAX_QUANTITY, MAX_TEXT

REASONS = (
    "empty_record", "oversized", "byte_order_mark", "schema_registry_framing", "malformed_json", "too_deep",
    "number_out_of_range", "not_an_object", "duplicate_key", "invalid_unicode", "missing_field", "wrong_type",
    "invalid_identifier", "invalid_text", "unknown_event_type", "invalid_kafka_time", "invalid_time",
    "invalid_price", "invalid_quantity", "unknown_currency",
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
# Fields in people's own words. Blank ones say no more than absent ones; a search may be for nothing.
FREE_TEXT = ("country", "device", "category", "query")
DESCRIPTIVE = ("country", "device", "category")
# White space of any script, control characters, and what takes no room.
BLANK = r"\A[\p{Z}\p{Cc}\p{Cf}]*+\z"

UUID = r"\A[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\z"
NAME = r"\A[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}\z"
IDENTIFIERS = (("event_id", UUID), ("user_id", NAME), ("session_id", UUID), ("product_id", NAME), ("order_id", UUID))
# A time without a zone could mean any of 26 hours: it is rejected rather than guessed.
TIME = r"\A\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})\z"

# What Kafka has for a record without a time: -1 ms.
NO_KAFKA_TIME = "1969-12-31T23:59:59.999Z"
FIRST_KAFKA_TIME = "2000-01-01T00:00:00Z"
# Of the record's bytes, for a schema registry: a zero, and the schema's id.
_FRAME_BYTES = 5

# In a rule's words: the JSON type of the value that is shown.
_KIND = "{kind}"


@dataclass(frozen=True)
class Rule:
    """One way to be bad: `broken` is true (not null, not false) for a record that breaks it.

    `words` say what is wrong. Where the field's value is to be shown too, `kind` is its JSON type.
    """

    reason: str
    field: str | None
    broken: Column
    words: Column
    kind: Column | None = None


def verdict() -> Column:
    """A struct (reason, field, words, kind) for a rejected record, null for a good one; see `with_details`."""
    return F.coalesce(
        *(
            F.when(
                rule.broken,
                F.struct(
                    F.lit(rule.reason).alias("reason"),
                    F.lit(rule.field).cast("string").alias("field"),
                    rule.words.alias("words"),
                    (F.lit(None).cast("string") if rule.kind is None else rule.kind).alias("kind"),
                ),
            )
            for rule in rules()
        )
    )


def with_details(judged: DataFrame) -> DataFrame:
    """Rows whose `verdict` has become (reason, field, detail): the words, and the field's value as it was sent."""
    found, names = F.col("verdict"), (*TEXT_FIELDS, *NUMBER_FIELDS)
    fields = F.create_map(*(item for name in names for item in (F.lit(name), F.col(f"sent.{name}"))))
    value = F.element_at(fields, found.field)
    article = F.when(found.kind.isin("array", "object"), F.lit("an ")).otherwise(F.lit("a "))
    words = F.replace(found.words, F.lit(_KIND), F.concat(article, found.kind))
    detail = F.when(found.kind.isNull(), found.words).otherwise(
        F.concat(words, F.lit(": "), sent.shown(value, found.kind))
    )
    told = F.struct(found.reason.alias("reason"), found.field.alias("field"), detail.alias("detail"))
    # A column of its own, so that the text is read once and not for every field.
    read = judged.withColumn("sent", F.when(found.kind.isNotNull(), sent.sent(F.col("text"), names)))
    return read.withColumn("verdict", F.when(found.isNotNull(), told)).drop("sent")


def rules() -> Iterator[Rule]:
    """All rules in their order (that of `REASONS`, then that of the fields)."""
    yield from _bytes()
    yield from _json()
    yield from _missing()
    yield from _wrong_type()
    yield from _identifiers()
    yield from _free_text()
    yield _text_rule("unknown_event_type", "event_type", ~F.col("event_type").isin(*EVENT_TYPES), "Not one we know")
    yield from _kafka_times()
    yield from _times()
    yield from _amounts()
    yield _text_rule("unknown_currency", "currency", ~F.col("currency").isin(*CURRENCIES), "Not one we know")


def event_time() -> Column:
    """The event's time, null where it is none."""
    text = F.col("event_time")
    return F.when(text.rlike(TIME), text.try_cast("timestamp"))


def price() -> Column:
    """The price in whole cents (rounded half up), null where there is none or it is beyond all measure."""
    return number("price", lambda amount: amount.try_cast("decimal(20,2)"))


def quantity() -> Column:
    """The quantity, null where there is none."""
    return number("quantity", lambda pieces: pieces.try_cast("int"))


def _bytes() -> Iterator[Rule]:
    value, size = F.col("value"), F.col("bytes")
    empty = value.isNull() | (size == 0) | (F.col("text") == "")
    yield Rule("empty_record", None, empty, F.lit("The record has no value"))
    too_many = F.concat(F.format_number(size, 0), F.lit(f" bytes; {MAX_BYTES:,} are allowed"))
    yield Rule("oversized", None, size > MAX_BYTES, too_many)
    long_name = F.lit(f"A name has more than {strict.MAX_NAME:,} characters")
    yield Rule("oversized", None, F.col("problem") == strict.NAME_TOO_LONG, long_name)
    mark = F.lit("The record begins with a byte order mark (EF BB BF); JSON has none")
    yield Rule("byte_order_mark", None, F.substring(value, 1, 3) == F.lit(b"\xef\xbb\xbf"), mark)
    schema = F.conv(F.hex(F.substring(value, 2, 4)), 16, 10).cast("bigint")
    framed = (F.substring(value, 1, 1) == F.lit(b"\x00")) & (size >= _FRAME_BYTES) & schema.between(1, 2**31 - 1)
    words = F.concat(F.lit("The record is framed for a schema registry: a zero byte, then schema id "), schema)
    yield Rule("schema_registry_framing", None, framed, words)
    yield Rule("malformed_json", None, ~F.col("is_utf8"), F.lit("The bytes are not valid UTF-8"))


def _json() -> Iterator[Rule]:
    for problem, text in (
        (strict.MALFORMED, "The text is not one complete JSON value"),
        (strict.TOO_DEEP, f"The record is nested more than {strict.MAX_DEPTH:,} levels deep"),
        (strict.NUMBER_TOO_LONG, f"A number has more than {strict.MAX_DIGITS:,} digits"),
    ):
        yield Rule(problem, None, F.col("problem") == problem, F.lit(text))
    yield Rule("not_an_object", None, ~F.col("is_object"), F.lit("The JSON value is not an object"))
    name = sent.quoted(F.left(strict.repeated_name(F.col("text")), F.lit(sent.SHOWN_CHARACTERS)))
    words = F.coalesce(
        F.concat(F.lit("The object has a name more than once: "), name),
        F.lit("An object within the record has a name more than once"),
    )
    yield Rule("duplicate_key", None, F.col("problem") == strict.DUPLICATE_KEY, words)
    half = F.lit("A string escapes one half of a surrogate pair without the other: no character")
    yield Rule("invalid_unicode", None, strict.has_lone_surrogate(F.col("text")), half)


def _missing() -> Iterator[Rule]:
    for name, event_types in REQUIRED:
        absent = F.col(name).isNull()
        if name in NUMBER_FIELDS:
            absent = absent & F.when(F.col("has_misfit"), json_type(name).isNull()).otherwise(F.lit(True))
        if name in DESCRIPTIVE:
            absent = absent | _is_blank(F.col(name))
        applies = F.lit(True) if event_types is None else F.col("event_type").isin(*event_types)
        yield Rule("missing_field", name, applies & absent, F.lit(f"{name} is missing"))


def _wrong_type() -> Iterator[Rule]:
    for name in TEXT_FIELDS:
        yield _mistyped(name, is_not_text(name), "a string")
    for name in NUMBER_FIELDS:
        misfit = F.when(F.col("has_misfit") & F.col(name).isNull(), json_type(name).isNotNull())
        yield _mistyped(name, misfit, "a number")
    # From 100 million on the quantity is too high, whole or not.
    part = number("quantity", lambda pieces: (F.abs(pieces) < 100_000_000) & (pieces != F.floor(pieces)))
    yield _number_rule("wrong_type", "quantity", part, "Not a whole number")


def _identifiers() -> Iterator[Rule]:
    for name, pattern in IDENTIFIERS:
        words = "Not a UUID" if pattern == UUID else "Not 1 to 64 of the characters A-Z a-z 0-9 _ . : -"
        yield _text_rule("invalid_identifier", name, ~F.col(name).rlike(pattern), words)


def _free_text() -> Iterator[Rule]:
    for name in FREE_TEXT:
        nul, length = F.col(name).contains("\x00"), F.length(name)
        yield _text_rule("invalid_text", name, nul, "The character NUL (U+0000) is not allowed")
        too_many = F.concat(F.format_number(length, 0), F.lit(f" characters; {MAX_TEXT:,} are allowed"))
        yield Rule("invalid_text", name, length > MAX_TEXT, too_many)


def _kafka_times() -> Iterator[Rule]:
    time = F.col("kafka_time")
    # Bronze keeps the number of a time that the calendar does not have; Kafka's -1 means none.
    number = F.col("kafka_timestamp")
    beyond = time.isNull() & (number != -1)
    outside = F.concat(F.lit("Outside the calendar: "), number.cast("string"), F.lit(" ms after 1970"))
    yield Rule("invalid_kafka_time", "kafka_time", F.coalesce(beyond, F.lit(False)), outside)
    none = time.isNull() | (time == F.lit(NO_KAFKA_TIME).cast("timestamp"))
    yield Rule("invalid_kafka_time", "kafka_time", none, F.lit("The record has no Kafka time"))
    for broken, words in (
        (time < F.lit(FIRST_KAFKA_TIME).cast("timestamp"), "Before the year 2000"),
        (time > F.col("ingested_at") + F.expr("INTERVAL 1 DAY"), "Over 1 day ahead of the ingestion"),
    ):
        yield Rule("invalid_kafka_time", "kafka_time", broken, F.concat(F.lit(f"{words}: "), time.cast("string")))


def _times() -> Iterator[Rule]:
    time, kafka = event_time(), F.col("kafka_time")
    for broken, words in (
        (time.isNull(), "Not a time with its zone"),
        (time > kafka + F.expr("INTERVAL 1 HOUR"), "Over 1 hour ahead of Kafka's time"),
        (time < kafka - F.expr("INTERVAL 400 DAYS"), "Over 400 days before Kafka's time"),
    ):
        yield _text_rule("invalid_time", "event_time", broken, words)


def _amounts() -> Iterator[Rule]:
    # What is rounded half up to a cent at least, and to the highest price at most.
    good = number("price", lambda amount: (amount >= _decimal("0.005")) & (amount < _decimal(f"{MAX_PRICE}.005")))
    yield _bad_number("invalid_price", "price", good, f"Not over 0 and at most {MAX_PRICE:,}")
    good = number("quantity", lambda pieces: pieces.between(1, MAX_QUANTITY))
    yield _bad_number("invalid_quantity", "quantity", good, f"Not 1 to {MAX_QUANTITY:,}")


def _text_rule(reason: str, field: str, broken: Column, words: str) -> Rule:
    return Rule(reason, field, broken, F.lit(words), kind=F.lit("string"))


def _number_rule(reason: str, field: str, broken: Column, words: str) -> Rule:
    return Rule(reason, field, broken, F.lit(words), kind=F.lit("number"))


def _bad_number(reason: str, field: str, good: Column, words: str) -> Rule:
    return _number_rule(reason, field, F.col(field).isNotNull() & ~F.coalesce(good, F.lit(False)), words)


def _decimal(digits: str) -> Column:
    """A constant that compares with doubles and decimals alike."""
    return F.lit(Decimal(digits))


def _is_blank(text: Column) -> Column:
    # Most texts begin with a letter, which costs less to see than to match.
    return ((text < "!") | (text > "~")) & text.rlike(BLANK)


def _mistyped(field: str, broken: Column, expected: str) -> Rule:
    return Rule("wrong_type", field, broken, F.lit(f"Not {expected} but {_KIND}"), kind=json_type(field))
