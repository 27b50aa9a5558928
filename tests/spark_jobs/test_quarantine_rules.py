"""Every way to be bad, and the reason that each must get."""

import json
from collections import Counter

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.silver.events.rules import REASONS
from spark_jobs.silver.events.transform import judged
from tests.spark_jobs.records import ABSENT, bronze_frame, value

pytestmark = pytest.mark.stack

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
    "a name that occurs twice": value().replace(b'"DE"', b'"DE", "country": "FR"'),
    "a name with a dot": value(**{"price.x": "twenty"}),
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
    "a byte order mark": (b"\xef\xbb\xbf" + value(), "malformed_json", None),
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
    "nested too deep to read": (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "malformed_json", None),
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


def test_every_reason_is_tried() -> None:
    assert {reason for _, reason, _ in BAD.values()} == set(REASONS)
