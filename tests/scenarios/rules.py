"""Silver's rules in plain Python, written from their description (`docs/silver.md`) rather than from the program: what
the truth that a generator claims is held against, and what Spark's verdicts are held against."""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

REQUIRED = ("event_id", "event_type", "event_time", "user_id", "session_id", "currency", "country", "device")
BY_TYPE = {
    "view": ("product_id", "category", "price"),
    "search": ("query",),
    "add_to_cart": ("product_id", "category", "price", "quantity"),
    "remove_from_cart": ("product_id", "category", "price", "quantity"),
    "checkout": ("order_id",),
    "purchase": ("product_id", "category", "price", "quantity", "order_id"),
}
NUMBERS = ("price", "quantity")
TEXTS = (*REQUIRED, "product_id", "category", "query", "order_id")
CURRENCIES = {
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HUF", "INR"),
    *("JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "TRY", "USD", "ZAR"),
}
MOST_LEVELS = 1000
MOST_DIGITS = 1000
LONGEST_NAME = 50_000
UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:-]{0,63}")
PATTERNS = {"event_id": UUID, "user_id": NAME, "session_id": UUID, "product_id": NAME, "order_id": UUID}
TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
VERSION_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_EXACT = Context(prec=3000)


@dataclass(frozen=True)
class Number:
    """A JSON number as it was sent."""

    text: str

    def value(self) -> Decimal:
        """To 30 digits after the point; numbers from 100 million on are not told apart."""
        try:
            exact = Decimal(self.text)
        except InvalidOperation:
            exact = Decimal(0) if "e-" in self.text.lower() else Decimal(100_000_000)
        if abs(exact) >= 100_000_000:
            return Decimal(100_000_000).copy_sign(exact)
        return exact.quantize(Decimal("1e-30"), ROUND_HALF_UP, _EXACT) if abs(exact) >= Decimal("1e-30") else Decimal(0)


class RefusedError(ValueError):
    """A record that isn't one JSON value, with the reason."""


@dataclass
class _Seen:
    repeats: bool = False
    too_long: bool = False
    names: list[str] = field(default_factory=list)


def reason(value: bytes | None, sent: datetime | None, taken_in: datetime | None = None) -> str | None:
    """Why silver rejects a record with this Kafka time; None for a good one.

    Args:
        taken_in: when bronze took it in; at its Kafka time unless given.
    """
    try:
        event = event_of(value)
    except RefusedError as refused:
        return str(refused)
    return _reason_of_event(event, sent, taken_in or sent)


def event_of(value: bytes | None) -> dict[str, Any]:
    """The one JSON object that a record is, numbers as `Number`; raises RefusedError."""
    if not (value or b"").strip(b" \t\r\n"):
        raise RefusedError("empty_record")
    assert value is not None
    if len(value) > 256 * 1024:
        raise RefusedError("oversized")
    if value.startswith(b"\xef\xbb\xbf"):
        raise RefusedError("byte_order_mark")
    if len(value) >= 5 and value[0] == 0 and 0 < int.from_bytes(value[1:5], "big") < 2**31:
        raise RefusedError("schema_registry_framing")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise RefusedError("malformed_json") from None
    return _object(text)


def _object(text: str) -> dict[str, Any]:
    seen = _Seen()

    def number(digits: str) -> Number:
        counted = digits.removeprefix("-").removeprefix("0")
        seen.too_long |= len(counted) > MOST_DIGITS and sum(one.isdigit() for one in counted) > MOST_DIGITS
        return Number(digits)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        seen.repeats |= len(made) < len(found)
        if len(text) > LONGEST_NAME // 2:
            seen.names.extend(made)
        return made

    depth = levels(text)
    try:
        with _recursion(depth):
            event = json.loads(
                text, object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=_no_constant
            )
    except ValueError:
        raise RefusedError("malformed_json") from None
    if any(len(name.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST_NAME for name in seen.names):
        raise RefusedError("oversized")
    if depth > MOST_LEVELS:
        raise RefusedError("too_deep")
    if seen.too_long:
        raise RefusedError("number_out_of_range")
    if not isinstance(event, dict):
        raise RefusedError("not_an_object")
    if seen.repeats:
        raise RefusedError("duplicate_key")
    if "\\u" in text and _has_half_a_character(event):
        raise RefusedError("invalid_unicode")
    return event


def levels(text: str) -> int:
    """How deep arrays and objects are nested, in a text that may be JSON."""
    depth = deepest = 0
    if text.count("[") + text.count("{") < 200:
        return 200
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


@contextmanager
def _recursion(depth: int) -> Iterator[None]:
    """Python's reader calls itself at every level."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 2 * depth)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _has_half_a_character(value: Any) -> bool:
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            if any("\ud800" <= character <= "\udfff" for character in one):
                return True
        elif isinstance(one, dict):
            rest.extend((*one, *one.values()))
        elif isinstance(one, list):
            rest.extend(one)
    return False


def _reason_of_event(event: dict[str, Any], sent: datetime | None, taken_in: datetime | None) -> str | None:
    event_type = event.get("event_type")
    needed = (*REQUIRED, *(BY_TYPE.get(event_type, ()) if isinstance(event_type, str) else ()))
    present = {name: event[name] for name in (*TEXTS, *NUMBERS) if event.get(name) is not None}
    if any(name not in present or _is_blank(name, present[name]) for name in needed):
        return "missing_field"
    if any(not isinstance(value, Number if name in NUMBERS else str) for name, value in present.items()):
        return "wrong_type"
    numbers = {name: present[name].value() for name in NUMBERS if name in present}
    if "quantity" in numbers and numbers["quantity"] != numbers["quantity"].to_integral_value():
        return "wrong_type"
    checks = {
        "invalid_identifier": lambda: all(p.fullmatch(present[f]) for f, p in PATTERNS.items() if f in present),
        "invalid_text": lambda: all(
            "\0" not in present[name] and len(present[name]) <= 1000
            for name in ("country", "device", "category", "query")
            if name in present
        ),
        "unknown_event_type": lambda: event_type in BY_TYPE,
        "invalid_kafka_time": lambda: (
            sent is not None and sent.year >= 2000 and (taken_in is None or sent <= taken_in + timedelta(days=1))
        ),
        "invalid_time": lambda: sent is not None and _is_near(present["event_time"], sent),
        "invalid_price": lambda: 0 < cents(numbers.get("price", Decimal(1))) <= 100_000_000,
        "invalid_quantity": lambda: 1 <= numbers.get("quantity", Decimal(1)) <= 10_000,
        "unknown_currency": lambda: present["currency"] in CURRENCIES,
    }
    return next((name for name, holds in checks.items() if not holds()), None)


def _is_blank(name: str, value: Any) -> bool:
    return (
        name in ("country", "device", "category")
        and isinstance(value, str)
        and all(unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cc", "Cf") for character in value)
    )


def cents(price: Decimal) -> Decimal:
    """In whole cents, half up."""
    return (_EXACT.multiply(price, Decimal(100))).quantize(Decimal(1), ROUND_HALF_UP, _EXACT)


def _is_near(text: str, sent: datetime) -> bool:
    time = moment(text)
    return time is not None and sent - timedelta(days=400) <= time <= sent + timedelta(hours=1)


def moment(text: str) -> datetime | None:
    """The time that a text with a zone says; None where it says none that a calendar has."""
    found = TIME.fullmatch(text)
    if found is None:
        return None
    *parts, fraction, zone = found.groups()
    sign = -1 if zone[0] == "-" else 1
    hours, minutes = (0, 0) if zone == "Z" else (int(zone[1:3]), int(zone[-2:]))
    if hours > 18 or minutes > 59 or (hours == 18 and minutes):
        return None
    try:
        local = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
        # Spark has microseconds, and leaves out what is smaller.
        exact = local + timedelta(microseconds=int((fraction or ".0")[1:7].ljust(6, "0")))
        return exact - sign * timedelta(hours=hours, minutes=minutes)
    except (ValueError, OverflowError):
        return None


def verdicts(values: Iterable[bytes], sent: datetime) -> tuple[list[dict[str, Any]], dict[str, int], int]:
    """Good events without their copies, rejected records by reason, and how many copies there were."""
    good: dict[str, dict[str, Any]] = {}
    reasons: dict[str, int] = {}
    copies = 0
    for value in values:
        why = reason(value, sent)
        if why is not None:
            reasons[why] = reasons.get(why, 0) + 1
            continue
        event = json.loads(value)
        assert all(VERSION_4.fullmatch(event[name]) for name in ("event_id", "session_id", "order_id") if name in event)
        copies += event["event_id"] in good
        good.setdefault(event["event_id"], event)
    return list(good.values()), reasons, copies
