"""Reading a record's bytes as one JSON object, so that nothing anyone sends can fail the job.

Spark's JSON reader is used where it is strict and fenced where it is not. By itself it stops at the end of the first
value and ignores what follows, so the text is put into an envelope that only one complete value can close:
`{"record":[TEXT],"length":N}`. Numbers are read as numbers: a string in their place comes out null and marks the
record. Of a name that occurs twice the last counts, as in every common JSON reader.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

MAX_BYTES = 256 * 1024
TEXT_FIELDS = (
    "event_id", "event_type", "event_time", "user_id", "session_id", "product_id",
    "category", "currency", "country", "device", "query", "order_id",
)  # fmt: skip
NUMBER_FIELDS = ("price", "quantity")

_RECORD = ", ".join([f"{name} STRING" for name in TEXT_FIELDS] + [f"{name} DOUBLE" for name in NUMBER_FIELDS])
_ENVELOPE = f"record ARRAY<STRUCT<{_RECORD}>>, length BIGINT, broken STRING"
_STRICT = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "broken",
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}
_JSON_SPACE = " \t\r\n"
# What a JSON number, boolean, array or object looks like once the reader has made text of it.
_NOT_TEXT = r"\A(-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false|[\[{](?s:.*))\z"


def parsed(bronze: DataFrame) -> DataFrame:
    """Bronze rows with what their value says: one row in, one row out.

    Adds `bytes` (length of the value), `is_utf8`, `text` (null unless it is short enough and valid UTF-8), `is_json`,
    `is_object`, `has_misfit` (a number field holds something else) and the event's fields as they were sent: text
    fields as strings (also where the sender wrote something else: see `json_type`), number fields as doubles.
    """
    string = F.col("value").cast("string")
    fits = F.col("bytes") <= MAX_BYTES
    envelope = F.concat(F.lit('{"record":['), F.col("text"), F.lit('],"length":'), F.length("text"), F.lit("}"))
    one_value = (F.size("json.record") == 1) & (F.col("json.length") == F.length("text"))
    opens = F.col("text").startswith("{")
    return (
        bronze.withColumn("bytes", F.coalesce(F.octet_length("value"), F.lit(0)))
        .withColumn("is_utf8", F.coalesce(fits & F.is_valid_utf8(string), F.lit(False)))
        .withColumn("text", F.when(F.col("is_utf8"), F.btrim(string, F.lit(_JSON_SPACE))))
        .withColumn("json", F.when(opens, F.from_json(envelope, _ENVELOPE, _STRICT)))
        .withColumn("has_misfit", F.coalesce(one_value & F.col("json.broken").isNotNull(), F.lit(False)))
        .withColumn(
            "is_object",
            # A broken escape in a string nobody reads looks like a misfit too; the second reader tells them apart.
            F.when(F.col("has_misfit"), _variant().isNotNull()).otherwise(F.coalesce(one_value, F.lit(False))),
        )
        .withColumn("is_json", F.when(opens, F.col("is_object")).otherwise(_is_scalar_or_array()))
        .withColumn("record", F.when(F.col("is_object"), F.get("json.record", F.lit(0))))
        .select(
            *bronze.columns,
            *("bytes", "is_utf8", "text", "is_json", "is_object", "has_misfit"),
            *(F.col(f"record.{name}").alias(name) for name in (*TEXT_FIELDS, *NUMBER_FIELDS)),
        )
    )


def json_type(field: str) -> Column:
    """What the sender wrote for a field: string, bigint, decimal(…), double, boolean, array, object; null if absent.

    Costs a second reading of the record: ask only where `looks_like_text` or `has_misfit` gives a reason to.
    """
    value = F.try_variant_get(_variant(), f"$.{field}", "variant")
    return (
        # Spark's schema_of_variant descends without a limit: arrays and objects are recognised before it sees them.
        F.when(F.try_variant_get(value, "$", "array<variant>").isNotNull(), F.lit("array"))
        .when(F.try_variant_get(value, "$", "map<string,variant>").isNotNull(), F.lit("object"))
        .otherwise(F.nullif(F.lower(F.schema_of_variant(value)), F.lit("void")))
    )


def is_not_text(field: str) -> Column:
    """Whether a text field holds a number, a boolean, an array or an object instead."""
    return F.when(F.col(field).rlike(_NOT_TEXT), F.coalesce(json_type(field) != "string", F.lit(False))).otherwise(
        F.lit(False)
    )


def _variant() -> Column:
    return F.try_parse_json(F.col("text"))


def _is_scalar_or_array() -> Column:
    fenced = F.try_parse_json(F.concat(F.lit("["), F.col("text"), F.lit(","), F.length("text"), F.lit("]")))
    length = F.try_variant_get(fenced, "$[1]", "bigint")
    third = F.try_variant_get(fenced, "$[2]", "variant")
    return F.coalesce((length == F.length("text")) & third.isNull(), F.lit(False))
