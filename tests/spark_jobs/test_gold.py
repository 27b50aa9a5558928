"""The pure transforms of gold, by tiny silver rows."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.gold.hourly_sales.schema import HOURLY_SALES
from spark_jobs.gold.hourly_sales.transform import hourly_sales
from spark_jobs.gold.top_products.schema import PLACES, TOP_PRODUCTS
from spark_jobs.gold.top_products.transform import top_products
from spark_jobs.gold.user_sessions.schema import USER_SESSIONS
from spark_jobs.gold.user_sessions.transform import user_sessions
from spark_jobs.silver.events.schema import EVENTS
from spark_jobs.table import Table
from tests.spark_jobs.frames import rows_of, types_of

pytestmark = pytest.mark.stack

SILVER = ", ".join(f"`{column.name}` {column.type}" for column in EVENTS.columns)


def at(hour: int, minute: int = 0, second: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, second)  # noqa: DTZ001 - Spark hands out UTC without its zone


def silver(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    """Silver events: a view of shoes by u-1 in session s-1 at 17:00 unless a row says otherwise."""
    view = {
        "event_type": "view", "event_time": at(17), "user_id": "u-1", "session_id": "s-1", "product_id": "p-1",
        "category": "shoes", "price": Decimal("10.00"), "currency": "EUR", "country": "DE", "device": "mobile",
        "partition": 0, "kafka_time": at(17), "ingested_at": at(17),
    }  # fmt: skip
    full = [
        {"event_id": f"e-{number}", "offset": number, **view, **row} for number, row in enumerate(rows)
    ]  # fmt: skip
    names = [column.name for column in EVENTS.columns]
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in full], SILVER)


def purchase(order: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"event_type": "purchase", "order_id": order, "quantity": quantity, **more}


def stated(table: Table) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in table.columns]


def test_hourly_sales(spark: SparkSession) -> None:
    found = hourly_sales(
        silver(
            spark,
            {},
            purchase("o-1", 2),
            purchase("o-1", 1, product_id="p-2", price=Decimal("0.05"), event_time=at(17, 59, 59)),
            purchase("o-2", 1, user_id="u-2"),
            purchase("o-3", 1, event_time=at(18)),
            purchase("o-4", 1, currency="SEK"),
            purchase("o-5", 1, category="bags", price=Decimal("1000000.00")),
        )
    )
    assert types_of(found) == stated(HOURLY_SALES)
    assert [tuple(row.values()) for row in rows_of(found, "hour", "currency", "category")] == [
        (at(17), "EUR", "bags", 1, 1, Decimal("1000000.00"), 1),
        (at(17), "EUR", "shoes", 2, 4, Decimal("30.05"), 2),
        (at(17), "SEK", "shoes", 1, 1, Decimal("10.00"), 1),
        (at(18), "EUR", "shoes", 1, 1, Decimal("10.00"), 1),
    ]


def test_top_products(spark: SparkSession) -> None:
    found = top_products(
        silver(
            spark,
            {},
            {"event_type": "add_to_cart", "quantity": 5},
            {"event_type": "remove_from_cart", "quantity": 2},
            purchase("o-1", 3),
            {"product_id": "p-2"},
            purchase("o-2", 4, product_id="p-3", category="bags"),
            purchase("o-2", 3, product_id="p-0"),
            {"event_type": "search", "product_id": None, "category": None, "price": None, "query": "x"},
            purchase("o-3", 1, event_time=at(0, day=24)),
            purchase("o-4", 1, currency="SEK"),
        )
    )
    assert types_of(found) == stated(TOP_PRODUCTS)
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    assert [tuple(row.values()) for row in rows_of(found, "day", "currency", "rank")] == [
        (monday, "EUR", 1, "p-3", "bags", 0, 0, 1, 4, Decimal("40.00")),
        (monday, "EUR", 2, "p-0", "shoes", 0, 0, 1, 3, Decimal("30.00")),
        (monday, "EUR", 3, "p-1", "shoes", 1, 1, 1, 3, Decimal("30.00")),
        (monday, "EUR", 4, "p-2", "shoes", 1, 0, 0, 0, Decimal("0.00")),
        (monday, "SEK", 1, "p-1", "shoes", 0, 0, 1, 1, Decimal("10.00")),
        (tuesday, "EUR", 1, "p-1", "shoes", 0, 0, 1, 1, Decimal("10.00")),
    ]


def test_only_the_first_hundred_products_are_listed(spark: SparkSession) -> None:
    found = top_products(silver(spark, *({"product_id": f"p-{number:03}"} for number in range(PLACES + 5))))
    assert [(row["rank"], row["product_id"]) for row in rows_of(found, "rank")] == [
        (number + 1, f"p-{number:03}") for number in range(PLACES)
    ]


def test_user_sessions(spark: SparkSession) -> None:
    found = user_sessions(
        silver(
            spark,
            {"event_time": at(17, 0, 5)},
            {"event_type": "search", "product_id": None, "event_time": at(17), "device": "desktop", "country": "AT"},
            {"event_type": "add_to_cart", "quantity": 2, "event_time": at(17, 1)},
            purchase("o-1", 2, event_time=at(17, 2, 4)),
            purchase("o-1", 1, product_id="p-2", event_time=at(17, 2, 4)),
            {"event_type": "checkout", "order_id": "o-1", "event_time": at(17, 2)},
            {"session_id": "s-2", "user_id": "u-2"},
        )
    )
    assert types_of(found) == stated(USER_SESSIONS)
    first, second = rows_of(found, "session_id")
    assert tuple(first.values()) == (
        "s-1", "u-1", at(17), at(17, 2, 4), 124, 6, 1, 1, 1, 2, Decimal("30.00"), "EUR", "desktop", "AT", True,
    )  # fmt: skip
    assert tuple(second.values()) == (
        "s-2", "u-2", at(17), at(17), 0, 1, 1, 0, 0, 0, Decimal("0.00"), "EUR", "mobile", "DE", False,
    )  # fmt: skip
