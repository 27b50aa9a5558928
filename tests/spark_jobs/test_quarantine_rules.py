"""Every way to be bad, and the reason that each must get."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.silver.events.rules import REASONS
from spark_jobs.silver.events.transform import judged
from tests.spark_jobs.records import ABSENT, KAFKA_TIME, bronze_frame, value

pytestmark = pytest.mark.stack

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_MINUS_1 = EPOCH - timedelta(milliseconds=1)

VIEW = {"event_type": "view", "quantity": ABSENT, "order_id": ABSENT}
SEARCH = {**VIEW, "event_type": "search", "product_id": ABSENT, "category": ABSENT, "price": ABSENT}
CHECKOUT = {**SEARCH, "event_type": "checkout", "order_id": "00000000-0000-0000-0000-000000000003"}

GOOD = {
    "a purchase": value(),
    "a view": value(**VIEW),
    "a search": value(**SEARCH, query="red shoes"),
    "a search for nothing": value(**SEARCH, query=""),
    "a search for a number": value(**SEARCH, query="123"),
    "a search for something like JSON": value(**SEARCH, query='{"not": "read'),
    "a checkout": value(**CHECKOUT),
    "blanks around it": b" \r\n\t" + value() + b"\n",
    "an unknown field": value(note={"a": [1, {"b": None}]}),
    "optional fields that are null": value(**{**VIEW, "quantity": None, "order_id": None}),
    "capitals in a UUID": value(event_id="00000000-0000-0000-0000-00000000ABCD"),
    "an offset for a zone": value(event_time="2026-11-23T17:59:00+01:00"),
    "no fraction of a second": value(event_time="2026-11-23T16:59:00Z"),
    "nanoseconds": value(event_time="2026-11-23T16:59:00.123456789Z"),
    "exactly an hour ahead": value(event_time="2026-11-23T18:00:00Z"),
    "a price with an exponent": value().replace(b"19.99", b"1.999e1"),
    "a price without a fraction": value(price=20),
    "the highest price": value(price=1_000_000),
    "the lowest price": value(price=0.01),
    "a quantity written as 1.0": value(quantity=1.0),
    "the highest quantity": value(quantity=10_000),
    "exactly 256 KiB": value(note="x" * (256 * 1024 - len(value(note="")))),
    "a name with a dot": value(**{"price.x": "twenty"}),
    "one name in two objects": value(country="DE", note={"country": {"country": [{"country": 1}, {"country": 2}]}}),
    "names that differ in case": value(Country="x", COUNTRY="y"),
    "no names but within": value(note={}, other=[{}, []]),
    "1,000 levels": value().replace(b'"DE"', b'"DE", "x": ' + b"[" * 999 + b"]" * 999),
    "1,000 levels of objects": value().replace(b'"DE"', b'"DE", "x": ' + b'{"a":' * 998 + b"{}" + b"}" * 998),
    "a number of 1,000 digits": value().replace(b'"DE"', b'"DE", "x": -' + b"9" * 1000),
    "numbers beyond all doubles where nobody reads": value().replace(b'"DE"', b'"DE", "x": [1e400, 9007199254740993]'),
    "a name of 50,000 characters": value(**{"n" * 50_000: 1}),
    "other scripts": value(category="日本語", country="Österreich", device="‏הטלפון‏", note="\u202e"),
    "a pair of surrogates": value(category="😀"),
    "a backslash and ud800": value(category="\\ud800"),
    "a text of 1,000 characters": value(category="語" * 1000),
    "something like a fence": value(note='"],"length":1,"record":[{"fence_0":"fence_0"}]}'),
    "a price of many digits": value().replace(b"19.99", b"19.99" + b"0" * 900),
    "a price of 2 written long": value().replace(b"19.99", b"20000000000000000000000e-22"),
    "a replacement character": value(category="\ufffd"),
}

OF_A_GOOD = json.loads(value())["event_id"]
BAD: dict[str, tuple[bytes | None, str, str | None]] = {
    "a tombstone": (None, "empty_record", None),
    "no bytes": (b"", "empty_record", None),
    "blanks": (b" \n\t ", "empty_record", None),
    "900 KB": (b"x" * 900_000, "oversized", None),
    "one byte over 256 KiB": (value(note="x" * (256 * 1024 - len(value(note="")) + 1)), "oversized", None),
    "large and not UTF-8": (b"\xff" * 300_000, "oversized", None),
    "not UTF-8": (b"\xff\xfe{}", "malformed_json", None),
    "a byte in the middle that is not UTF-8": (value().replace(b"shoes", b"sho\xc3s"), "malformed_json", None),
    "a byte order mark": (b"\xef\xbb\xbf" + value(), "byte_order_mark", None),
    "nothing but a byte order mark": (b"\xef\xbb\xbf", "byte_order_mark", None),
    "a byte order mark within": (value() + b"\xef\xbb\xbf", "malformed_json", None),
    "UTF-16": (value().decode().encode("utf-16-le"), "malformed_json", None),
    "UTF-16 with its mark": (value().decode().encode("utf-16"), "malformed_json", None),
    "a surrogate as bytes": (value().replace(b"shoes", b"\xed\xa0\x80"), "malformed_json", None),
    "an overlong letter": (value().replace(b"shoes", b"\xc1\xa1"), "malformed_json", None),
    "Avro with its schema": (b"\x00\x00\x00\x00*\x08Hfoo\x06bar", "schema_registry_framing", None),
    "JSON with its schema": (b"\x00\x00\x01\x86\xa1" + value(), "schema_registry_framing", None),
    "a schema and nothing else": (b"\x00\x00\x00\x00\x01", "schema_registry_framing", None),
    "the largest schema id": (b"\x00\x7f\xff\xff\xff\xff", "schema_registry_framing", None),
    "a zero and four bytes more than an id": (b"\x00\x80\x00\x00\x00{}", "malformed_json", None),
    "zeros": (b"\x00" * 40, "malformed_json", None),
    "one zero": (b"\x00", "malformed_json", None),
    "an event that closes what it is put into": (
        value() + b'],"length":1,"record":[' + value(), "malformed_json", None,
    ),
    "a list that closes what it is put into": (b'[1],"b":[2]', "malformed_json", None),
    "numbers that close what they are put into": (b'1,6],["', "malformed_json", None),
    "an event that closes an object": (value() + b',"x":' + value(), "malformed_json", None),
    "an object not closed": (value()[:-1] + b',"x":{"y":1}', "malformed_json", None),
    "a number behind the event": (value()[:-1] + b'}1', "malformed_json", None),
    "a number cut": (b'{"a":12', "malformed_json", None),
    "a word": (b"hello", "malformed_json", None),
    "half an event": (value()[:100], "malformed_json", None),
    "one brace": (b"{", "malformed_json", None),
    "words after the event": (value() + b" x", "malformed_json", None),
    "a brace after the event": (value() + b"}", "malformed_json", None),
    "two events": (value() + value(), "malformed_json", None),
    "two events and a comma": (value() + b"," + value(), "malformed_json", None),
    "half a list": (b"[1, 2", "malformed_json", None),
    "two lists": (b"[1],[2]", "malformed_json", None),
    "single quotes": (b"{'event_id': 'x'}", "malformed_json", None),
    "a comma too many": (value()[:-1] + b",}", "malformed_json", None),
    "NaN": (value(price=float("nan")), "malformed_json", None),
    "Infinity": (value(price=float("inf")), "malformed_json", None),
    "a broken escape": (value().replace(b'"DE"', b'"D\\u12"'), "malformed_json", None),
    "a control character": (value().replace(b'"DE"', b'"D\x01"'), "malformed_json", None),
    "5,001 levels": (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep", None),
    "1,001 levels": (b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}", "too_deep", None),
    "an event of 1,001 levels": (value().replace(b'"DE"', b'"DE","x":' + b"[" * 1000 + b"]" * 1000), "too_deep", None),
    "1,001 levels of objects": (b'{"a":' * 1000 + b"{}" + b"}" * 1000, "too_deep", None),
    "a list of 1,001 levels": (b"[" * 1001 + b"]" * 1001, "too_deep", None),
    "a list of 100,000 levels": (b"[" * 100_000 + b"]" * 100_000, "too_deep", None),
    "100,000 levels not closed": (b"[" * 100_000, "malformed_json", None),
    "objects of 40,000 levels": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "too_deep", None),
    "a number of 1,001 digits": (value().replace(b"19.99", b"9" * 1001), "number_out_of_range", None),
    "a number of 10,000 digits that nobody reads": (
        value().replace(b'"DE"', b'"DE","x":[{"y":-0.' + b"1" * 10_000 + b"}]"), "number_out_of_range", None,
    ),
    "10,000 digits": (b"1" * 10_000, "number_out_of_range", None),
    "a list of 10,000 digits": (b"[" + b"1" * 10_000 + b"]", "number_out_of_range", None),
    "10,000 digits and a letter": (b"1" * 10_000 + b"x", "malformed_json", None),
    "a name of 50,001 characters": (value(**{"n" * 50_001: 1}), "oversized", None),
    "a name of 50,002 halves of characters": (
        value().replace(b'"DE"', b'"DE","' + "😀".encode() * 25_001 + b'":1'), "oversized", None,
    ),
    "a name twice": (value().replace(b'"DE"', b'"DE", "country": "FR"'), "duplicate_key", None),
    "a name twice with the same value": (value().replace(b'"DE"', b'"DE", "country": "DE"'), "duplicate_key", None),
    "a name twice, once with an escape": (
        value().replace(b'"DE"', b'"DE", "countr\\u0079": "FR"'), "duplicate_key", None,
    ),
    "a name twice, once with another type": (
        value(user_id=5).replace(b'"DE"', b'"DE", "country": null'), "duplicate_key", None,
    ),
    "a name twice further within": (
        value(user_id=5, note=0).replace(b'"note": 0', b'"note": [{"a":1,"a":2}]'), "duplicate_key", None,
    ),
    "no name twice": (b'{"":1,"":2}', "duplicate_key", None),
    "a list of an object with a name twice": (b'[{"a":1,"a":2}]', "not_an_object", None),
    "half a character": (value().replace(b"shoes", b"\\ud800booby"), "invalid_unicode", None),
    "the second half alone": (value().replace(b"shoes", b"a\\uDFFF"), "invalid_unicode", None),
    "halves in the wrong order": (value().replace(b"shoes", b"\\ude00\\ud83d"), "invalid_unicode", None),
    "half a character behind a backslash": (value().replace(b"shoes", b"\\\\\\ud83d"), "invalid_unicode", None),
    "half a character in a name": (value().replace(b'"DE"', b'"DE","\\ud83d":1'), "invalid_unicode", None),
    "a list": (b"[" + value() + b"]", "not_an_object", None),
    "a string": (b'"view"', "not_an_object", None),
    "a number": (b"42", "not_an_object", None),
    "null": (b"null", "not_an_object", None),
    "an empty object": (b"{}", "missing_field", "event_id"),
    "nested as deep as can be read": (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "missing_field", "event_id"),
    "names in capitals": (value().upper(), "missing_field", "event_id"),
    **{f"no {name}": (value(**{name: ABSENT}), "missing_field", name) for name in json.loads(value())},
    **{f"{name} null": (value(**{name: None}), "missing_field", name) for name in json.loads(value())},
    "no country to speak of": (value(country="  "), "missing_field", "country"),
    "a category of a wide space": (value(category="\u3000\u00a0\t"), "missing_field", "category"),
    "a device of nothing that is seen": (value(device="\u200b\u202e\x00"), "missing_field", "device"),
    "a category with a NUL": (value(category="a\x00b"), "invalid_text", "category"),
    "a search with a NUL": (value(**SEARCH, query="\x00"), "invalid_text", "query"),
    "a text of 1,001 characters": (value(country="語" * 1001), "invalid_text", "country"),
    "a search of 200,000 characters": (value(**SEARCH, query="x" * 200_000), "invalid_text", "query"),
    "a category beyond all doubles": (value().replace(b'"shoes"', b"-1e400"), "wrong_type", "category"),
    "a category of sixty digits": (value().replace(b'"shoes"', b"9" * 60), "wrong_type", "category"),
    "a search for no query": (value(**SEARCH), "missing_field", "query"),
    "a checkout of no order": (value(**{**CHECKOUT, "order_id": ABSENT}), "missing_field", "order_id"),
    "missing before wrong": (value(device=ABSENT, price="x"), "missing_field", "device"),
    "an identifier that is a number": (value(event_id=12), "wrong_type", "event_id"),
    "a country that is a number": (value(country=49), "wrong_type", "country"),
    "a country that is an object": (value(country={"code": "DE"}), "wrong_type", "country"),
    "a country that is a list 900 deep": (
        value().replace(b'"DE"', b"[" * 900 + b"]" * 900), "wrong_type", "country",
    ),
    "a device that is true": (value(device=True), "wrong_type", "device"),
    "a time in seconds": (value(event_time=1795454528), "wrong_type", "event_time"),
    "a price in quotes": (value(price="19.99"), "wrong_type", "price"),
    "a price in words": (value(price="twenty"), "wrong_type", "price"),
    "a price that is a list": (value(price=[19.99]), "wrong_type", "price"),
    "a price that is true": (value(price=True), "wrong_type", "price"),
    "a price on a search in words": (value(**{**SEARCH, "price": "x"}, query="q"), "wrong_type", "price"),
    "a quantity in words": (value(quantity="two"), "wrong_type", "quantity"),
    "half a piece": (value(quantity=1.5), "wrong_type", "quantity"),
    "an event_id that is no UUID": (value(event_id="not-a-uuid-1"), "invalid_identifier", "event_id"),
    "an event_id with a line end": (value(event_id=f"{OF_A_GOOD}\n"), "invalid_identifier", "event_id"),
    "an event_id of nothing": (value(event_id=""), "invalid_identifier", "event_id"),
    "a user with blanks": (value(user_id="u 1"), "invalid_identifier", "user_id"),
    "an order that is no UUID": (value(order_id="42-x"), "invalid_identifier", "order_id"),
    "an event type in capitals": (value(event_type="PURCHASE"), "unknown_event_type", "event_type"),
    "an event type we don't know": (value(event_type="refund"), "unknown_event_type", "event_type"),
    "a time without a zone": (value(event_time="2026-11-23T16:59:00"), "invalid_time", "event_time"),
    "a day that isn't": (value(event_time="2026-02-30T16:59:00Z"), "invalid_time", "event_time"),
    "a time in words": (value(event_time="yesterday"), "invalid_time", "event_time"),
    "over an hour ahead": (value(event_time="2026-11-23T18:00:01Z"), "invalid_time", "event_time"),
    "over 400 days ago": (value(event_time="2025-10-19T16:59:00Z"), "invalid_time", "event_time"),
    "a price of nothing": (value(price=0), "invalid_price", "price"),
    "a price of less than half a cent": (value(price=0.004), "invalid_price", "price"),
    "a negative price": (value(price=-19.99), "invalid_price", "price"),
    "a price over a million": (value(price=1_000_000.01), "invalid_price", "price"),
    "a price beyond all measure": (value().replace(b"19.99", b"1e400"), "invalid_price", "price"),
    "a price of sixty digits": (value().replace(b"19.99", b"9" * 60), "invalid_price", "price"),
    "a price just under half a cent": (
        value().replace(b"19.99", b"0.00499999999999999999999"), "invalid_price", "price",
    ),
    "a price of nearly nothing": (value().replace(b"19.99", b"1e-999999999"), "invalid_price", "price"),
    "a price of too much to reckon": (value().replace(b"19.99", b"1e999999999"), "invalid_price", "price"),
    "nearly one piece": (
        value().replace(b'"quantity": 2', b'"quantity": 1.00000000000000000001'), "wrong_type", "quantity",
    ),
    "pieces beyond 2^53": (value(quantity=9_007_199_254_740_993), "invalid_quantity", "quantity"),
    "pieces beyond all doubles": (
        value().replace(b'"quantity": 2', b'"quantity": 1e400'), "invalid_quantity", "quantity",
    ),
    "no pieces": (value(quantity=0), "invalid_quantity", "quantity"),
    "less than no pieces": (value(quantity=-1), "invalid_quantity", "quantity"),
    "too many pieces": (value(quantity=10_001), "invalid_quantity", "quantity"),
    "a currency we don't know": (value(currency="ZZZ"), "unknown_currency", "currency"),
    "a currency in small letters": (value(currency="eur"), "unknown_currency", "currency"),
}  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(spark: SparkSession) -> dict[str, tuple[str | None, str | None, str | None]]:
    """(reason, field, detail) of every record above by its name; all judged in one go, as a job would."""
    names = [*GOOD, *BAD]
    rows = judged(bronze_frame(spark, [*GOOD.values(), *(one[0] for one in BAD.values())]))
    told = rows.select(F.col("offset").alias("number"), "verdict.*").collect()
    assert Counter(row["number"] for row in told) == Counter(range(len(names)))
    return {names[row["number"]]: (row["reason"], row["field"], row["detail"]) for row in told}


@pytest.mark.parametrize("name", GOOD)
def test_good_records_pass(verdicts: dict[str, tuple[str | None, ...]], name: str) -> None:
    assert verdicts[name] == (None, None, None)


@pytest.mark.parametrize("name", BAD)
def test_bad_records_get_their_reason(verdicts: dict[str, tuple[str | None, ...]], name: str) -> None:
    _, reason, field = BAD[name]
    assert verdicts[name][:2] == (reason, field)
    assert verdicts[name][2], "a rejected record says what is wrong"


DETAILS = {
    "a price of 10001 with a fraction": (value(price=-1), "price", "Not over 0 and at most 1,000,000: -1"),
    "a whole number": (value(quantity=10_001), "quantity", "Not 1 to 10,000: 10001"),
    "an exponent": (value().replace(b"19.99", b"-1.50E+03"), "price", "Not over 0 and at most 1,000,000: -1.50E+03"),
    "digits beyond a double": (
        value(quantity=9_007_199_254_740_993), "quantity", "Not 1 to 10,000: 9007199254740993",
    ),
    "a fraction": (value().replace(b'"quantity": 2', b'"quantity": 2.50'), "quantity", "Not a whole number: 2.50"),
    "a number for a text": (value(user_id=5), "user_id", "Not a string but a number: 5"),
    "a long number for a text": (value(user_id=10**30), "user_id", f"Not a string but a number: {10**30}"),
    "a list for a text": (
        value().replace(b'"DE"', b'[1.50, "a", {"b": 1E2}]'), "country",
        'Not a string but an array: [1.50,"a",{"b":1E2}]',
    ),
    "true for a text": (value(device=True), "device", "Not a string but a boolean: true"),
    "a text for a number": (value(price="19.990"), "price", 'Not a number but a string: "19.990"'),
    "a text that has our mark": (value(price="number:1"), "price", 'Not a number but a string: "number:1"'),
    "a text": (value(currency="eur"), "currency", 'Not one we know: "eur"'),
    "control characters": (value(currency='a\x00\n"\\'), "currency", 'Not one we know: "a\\u0000\\n\\"\\\\"'),
    "a text too long to show": (value(user_id="u " * 400), "user_id",
        "Not 1 to 64 of the characters A-Z a-z 0-9 _ . : -: " + '"' + "u " * 40 + '"…'),
    "a number too long to show": (value().replace(b"19.99", b"9" * 600), "price",
        "Not over 0 and at most 1,000,000: " + "9" * 80 + "…"),
    "a name twice": (value().replace(b'"DE"', b'"DE", "country": 1'), None,
        'The object has a name more than once: "country"'),
    "a name twice within": (value(note=0).replace(b'"note": 0', b'"note":{"a":1,"a":1}'), None,
        "An object within the record has a name more than once"),
    "a schema": (b"\x00\x00\x01\x86\xa1{}", None,
        "The record is framed for a schema registry: a zero byte, then schema id 100001"),
}  # fmt: skip


@pytest.fixture(scope="module")
def details(spark: SparkSession) -> dict[str, tuple[str | None, str | None]]:
    rows = judged(bronze_frame(spark, [one[0] for one in DETAILS.values()])).select("offset", "verdict.*").collect()
    return {list(DETAILS)[row["offset"]]: (row["field"], row["detail"]) for row in rows}


@pytest.mark.parametrize("name", DETAILS)
def test_details_show_what_was_sent(details: dict[str, tuple[str | None, str | None]], name: str) -> None:
    assert details[name] == DETAILS[name][1:]


KAFKA_TIMES = {
    # When Kafka says that it was sent, when bronze took it in, what the event says; the reason and its words.
    "none": (None, KAFKA_TIME, "invalid_kafka_time", "The record has no Kafka time"),
    "-1": (AT_MINUS_1, KAFKA_TIME, "invalid_kafka_time", "The record has no Kafka time"),
    "0": (EPOCH, KAFKA_TIME, "invalid_kafka_time", "Before the year 2000: 1970-01-01 00:00:00"),
    "seconds for milliseconds": (
        EPOCH + timedelta(milliseconds=1_795_454_528), KAFKA_TIME, "invalid_kafka_time",
        "Before the year 2000: 1970-01-21 18:44:14.528",
    ),
    "the year 9999": (
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), KAFKA_TIME, "invalid_kafka_time",
        "Over 1 day ahead of the ingestion: 9999-12-31 23:59:59",
    ),
    "two days ahead": (
        KAFKA_TIME, KAFKA_TIME - timedelta(days=2), "invalid_kafka_time",
        "Over 1 day ahead of the ingestion: 2026-11-23 17:00:00",
    ),
    "a day ahead": (KAFKA_TIME, KAFKA_TIME - timedelta(days=1), None, None),
    "taken in years later": (KAFKA_TIME, KAFKA_TIME + timedelta(days=5000), None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", KAFKA_TIMES)
def test_what_is_wrong_with_kafkas_time_is_not_said_of_the_event(spark: SparkSession, name: str) -> None:
    kafka_time, taken_in, reason, detail = KAFKA_TIMES[name]
    rows = bronze_frame(spark, [value(), value(event_time="yesterday"), b"x"]).withColumns(
        {"kafka_time": F.lit(kafka_time).cast("timestamp"), "ingested_at": F.lit(taken_in)}
    )
    told = judged(rows).orderBy("offset").select("verdict.*").collect()
    assert told[0].asDict() == {"reason": reason, "field": reason and "kafka_time", "detail": detail}
    assert [row["reason"] for row in told[1:]] == [reason or "invalid_time", "malformed_json"]


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        (None, "The record has no Kafka time"),
        (-1, "The record has no Kafka time"),
        (-(10**14), "Outside the calendar: -100000000000000 ms after 1970"),
        (2**63 - 1, "Outside the calendar: 9223372036854775807 ms after 1970"),
    ],
)
def test_a_time_outside_the_calendar_is_shown_as_its_number(
    spark: SparkSession, number: int | None, detail: str
) -> None:
    rows = bronze_frame(spark, [value()]).withColumns(
        {"kafka_time": F.lit(None).cast("timestamp"), "kafka_timestamp": F.lit(number).cast("bigint")}
    )
    told = judged(rows).select("verdict.*").first()
    assert told is not None
    assert told.asDict() == {"reason": "invalid_kafka_time", "field": "kafka_time", "detail": detail}


@pytest.mark.parametrize("micros", [-(2**63), -(2**63) + 1, 2**63 - 1, -62135596800000001, 253402300800000000])
def test_no_kafka_time_fails_the_build(spark: SparkSession, micros: int) -> None:
    rows = bronze_frame(spark, [value()]).withColumn("kafka_time", F.timestamp_micros(F.lit(micros)))
    (told,) = judged(rows).select("verdict.*").collect()
    assert told["reason"] == "invalid_kafka_time"


def test_every_reason_is_tried() -> None:
    tried = {reason for _, reason, _ in BAD.values()} | {reason for _, _, reason, _ in KAFKA_TIMES.values()}
    assert tried == {*REASONS, None}


def test_every_reason_is_explained() -> None:
    """`docs/silver.md` has a row for each, in the order in which they are tried."""
    page = (Path(__file__).parents[2] / "docs" / "silver.md").read_text()
    assert re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE) == list(REASONS)
