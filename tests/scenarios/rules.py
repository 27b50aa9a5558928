"""Silver's rules in plain Python, written from their description rather than from the program: what the truth that a
generator claims is held against."""

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
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
CURRENCIES = {
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HUF", "INR"),
    *("JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "TRY", "USD", "ZAR"),
}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def reason(value: bytes, sent: datetime) -> str | None:
    """Why silver rejects a record that was sent then; None for a good one."""
    if not value:
        return "empty_record"
    if len(value) > 256 * 1024:
        return "oversized"
    try:
        event = json.loads(value)
    except ValueError:
        return "malformed_json"
    if not isinstance(event, dict):
        return "not_an_object"
    return _reason_of_event(event, sent)


def _reason_of_event(event: dict[str, Any], sent: datetime) -> str | None:
    fields = (*REQUIRED, *BY_TYPE.get(str(event.get("event_type")), ()))
    numbers = {"price": int | float, "quantity": int}
    time = event.get("event_time")
    checks = {
        "missing_field": all(event.get(field) is not None for field in fields),
        "wrong_type": lambda: all(isinstance(event[field], numbers.get(field, str)) for field in fields),
        "invalid_identifier": lambda: all(
            UUID.fullmatch(event[field]) for field in ("event_id", "session_id", "order_id") if field in event
        ),
        "unknown_event_type": lambda: event["event_type"] in BY_TYPE,
        "invalid_time": lambda: (
            sent - timedelta(days=400) <= datetime.fromisoformat(str(time)) <= sent + timedelta(hours=1)
        ),
        "invalid_price": lambda: 0 < event.get("price", 1) <= 1_000_000,
        "invalid_quantity": lambda: 1 <= event.get("quantity", 1) <= 10_000,
        "unknown_currency": lambda: event["currency"] in CURRENCIES,
    }
    for name, holds in checks.items():
        if not (holds() if callable(holds) else holds):
            return name
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
        copies += event["event_id"] in good
        good.setdefault(event["event_id"], event)
    return list(good.values()), reasons, copies
