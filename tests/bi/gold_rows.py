"""The gold tables of a small lake: their schemas and rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

HOUR = datetime(2026, 11, 23, 17, tzinfo=UTC)
EARLIER = datetime(2026, 11, 20, 9, tzinfo=UTC)
MONEY = pa.decimal128(18, 2)
TIME = pa.timestamp("us", tz="UTC")

HOURLY_SALES = pa.schema(
    [("hour", TIME), ("currency", pa.string()), ("category", pa.string()), ("orders", pa.int64()),
     ("units", pa.int64()), ("revenue", MONEY), ("buyers", pa.int64())]
)  # fmt: skip
TOP_PRODUCTS = pa.schema(
    [("day", pa.date32()), ("currency", pa.string()), ("rank", pa.int32()), ("product_id", pa.string()),
     ("category", pa.string()), ("views", pa.int64()), ("carts", pa.int64()), ("purchases", pa.int64()),
     ("units", pa.int64()), ("revenue", MONEY)]
)  # fmt: skip
USER_SESSIONS = pa.schema(
    [("session_id", pa.string()), ("user_id", pa.string()), ("started_at", TIME), ("ended_at", TIME),
     ("duration_seconds", pa.int64()), ("events", pa.int64()), ("views", pa.int64()), ("searches", pa.int64()),
     ("carts", pa.int64()), ("purchases", pa.int64()), ("revenue", MONEY), ("currency", pa.string()),
     ("device", pa.string()), ("country", pa.string()), ("converted", pa.bool_())]
)  # fmt: skip

ROWS: dict[str, tuple[pa.Schema, list[tuple[Any, ...]]]] = {
    "hourly_sales": (
        HOURLY_SALES,
        [
            (HOUR, "EUR", "shoes", 2, 3, Decimal("59.97"), 2),
            (HOUR, "EUR", "bags", 1, 1, Decimal("100.01"), 1),
            (EARLIER, "EUR", "shoes", 1, 1, Decimal("19.99"), 1),
            (HOUR, "SEK", "shoes", 1, 2, Decimal("400.00"), 1),
        ],
    ),
    "top_products": (
        TOP_PRODUCTS,
        [
            (date(2026, 11, 23), "EUR", number, f"p-{number:05}", "shoes", 5, 2, 1, 1, Decimal(1000 - number))
            for number in range(1, 31)
        ],
    ),
    "user_sessions": (
        USER_SESSIONS,
        [
            ("s-1", "u-1", HOUR, HOUR, 60, 5, 3, 1, 1, 1, Decimal("19.99"), "EUR", "mobile", "DE", True),
            ("s-2", "u-2", EARLIER, HOUR, 10, 2, 2, 0, 0, 0, Decimal("0.00"), "EUR", "desktop", "AT", False),
            ("s-3", "u-3", HOUR, HOUR, 20, 2, 2, 0, 0, 0, Decimal("0.00"), "EUR", "mobile", "AT", False),
        ],
    ),
}
