"""Reading a record's bytes as one JSON object, so that nothing anyone sends can fail the job.

`strict` says whether the text is one JSON object; only then are its fields read, so that the reader may be a tolerant
one. Numbers are read as numbers: a string in their place comes out null and marks the record.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.silver.events import sent, strict

MAX_BYTES = 256 * 1024
TEXT_FIELDS = (
    "event_id", "event_type", "event_time", "user_id", "session_id", "product_id",
    "category", "currency", "country", "device", "query", "order_id",
)  # fmt: skip
NUMBER_FIELDS = ("price", "quantity")

_RECORD = ", ".join([f"{name} STRING" for name in TEXT_FIELDS] + [f"{name} DOUBLE" for name in NUMBER_FIELDS])
_OPTIONS = {**strict.STRICT, "columnNameOfCorruptRecord": "broken"}
_JSON_SPACE = " \t\r\n"
# What a JSON number, boolean, array or object looks like once the reader has made text of it.
_NOT_TEXT = r"\A(-?\d+(\.\d+)?([eE][-+]?\d+)?|\"-?Infinity\"|true|false|[\[{](?s:.*))\z"
# A double has any number of up to 15 digits exactly.
_LONG_NUMBER = r"[0-9][0-9.]{15}"


def parsed(bronze: DataFrame) -> DataFrame:
    """Bronze rows with what their value says: one row in, one row out.

    Adds `bytes` (length of the value), `is_utf8`, `text` (null unless it is short enough and valid UTF-8), `problem`
    (see `strict.problem`), `is_object`, `has_misfit` (a number field holds something else), `long_numbers` (the texts
    of price and quantity where a double may not hold them) and the event's fields: text fields as strings (also where
    the sender wrote something else: see `json_type`), number fields as doubles.
    """
    fence = strict.new_fence()
    string = F.col("value").cast("string")
    fits = F.col("bytes") <= MAX_BYTES
    is_object = F.col("text").startswith("{") & (F.col("problem").isNull() | (F.col("problem") == strict.DUPLICATE_KEY))
    is_long = F.col("is_object") & F.col("text").rlike(_LONG_NUMBER)
    return (
        bronze.withColumn("bytes", F.coalesce(F.octet_length("value"), F.lit(0)))
        .withColumn("is_utf8", F.coalesce(fits & F.is_valid_utf8(string), F.lit(False)))
        .withColumn("text", F.when(F.col("is_utf8"), F.btrim(string, F.lit(_JSON_SPACE))))
        .withColumn("problem", strict.problem(F.col("text"), fence))
        .withColumn("is_object", F.coalesce(is_object, F.lit(False)))
        .withColumn("record", F.when(F.col("is_object"), F.from_json("text", f"{_RECORD}, broken STRING", _OPTIONS)))
        .withColumn("long_numbers", F.when(is_long, sent.sent(F.col("text"), NUMBER_FIELDS)))
        .select(
            *bronze.columns,
            *("bytes", "is_utf8", "text", "problem", "is_object", "long_numbers"),
            F.col("record.broken").isNotNull().alias("has_misfit"),
            *(F.col(f"record.{name}").alias(name) for name in (*TEXT_FIELDS, *NUMBER_FIELDS)),
        )
    )


def json_type(field: str) -> Column:
    """What the sender wrote for a field: string, number, boolean, array or object; null if absent or null.

    Costs a second reading of the record: ask only where `is_not_text` or `has_misfit` gives a reason to.
    """
    value = F.try_variant_get(F.try_parse_json("text"), f"$.{field}", "variant")
    scalar = F.lower(F.schema_of_variant(value))
    return (
        # Spark's schema_of_variant descends without a limit: arrays and objects are recognised before it sees them.
        F.when(F.try_variant_get(value, "$", "array<variant>").isNotNull(), F.lit("array"))
        .when(F.try_variant_get(value, "$", "map<string,variant>").isNotNull(), F.lit("object"))
        .when(scalar.isin("string", "boolean"), scalar)
        .when(scalar != "void", F.lit("number"))
    )


def is_not_text(field: str) -> Column:
    """Whether a text field holds a number, a boolean, an array or an object instead."""
    return F.when(F.col(field).rlike(_NOT_TEXT), F.coalesce(json_type(field) != "string", F.lit(False))).otherwise(
        F.lit(False)
    )


def number(field: str, of_number: Callable[[Column], Column]) -> Column:
    """Something that is reckoned from a number field: from a double where that has the number, else from a decimal.

    The decimal has 30 digits after the point, and is null from 100 million on. Bounds keep out what is dear to reckon
    with: as a decimal, 1e-999999999 has a thousand million digits.
    """
    value = F.col(field)
    long = sent.number(F.col(f"long_numbers.{field}")).try_cast("decimal(38,30)")
    moderate = F.when(
        (value == 0) | F.abs(value).between(1e-30, 1e8), F.coalesce(long, value.try_cast("decimal(38,30)"))
    )
    return F.when(F.col("long_numbers").isNull(), of_number(value)).otherwise(of_number(moderate))
