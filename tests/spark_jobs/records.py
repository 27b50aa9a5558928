"""Kafka records and bronze rows to feed the jobs with."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.bronze.events.schema import EVENTS
from spark_jobs.provenance import JOB, RUN_ID, as_options
from spark_jobs.tables import ensure_tables

KAFKA_TIME = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ABSENT = object()
BRONZE = ", ".join(f"`{column.name}` {column.type}" for column in EVENTS.columns)

# A whole purchase: every field that an event can have, apart from `query`.
PURCHASE: dict[str, Any] = {
    "event_id": str(uuid.UUID(int=1)),
    "event_type": "purchase",
    "event_time": "2026-11-23T16:59:00.123456Z",
    "user_id": "u-000123",
    "session_id": str(uuid.UUID(int=2)),
    "product_id": "p-00042",
    "category": "shoes",
    "price": 19.99,
    "quantity": 2,
    "currency": "EUR",
    "country": "DE",
    "device": "mobile",
    "order_id": str(uuid.UUID(int=3)),
}


def value(**changes: Any) -> bytes:
    """A purchase's JSON with some fields changed, and without those that are ABSENT."""
    return json.dumps({k: v for k, v in {**PURCHASE, **changes}.items() if v is not ABSENT}).encode()


def bronze_frame(spark: SparkSession, values: Sequence[bytes | None], *, run: str | None = None) -> DataFrame:
    """Bronze rows of these values: offsets from 0 on partition 0, a millisecond apart."""
    rows: list[tuple[Any, ...]] = [
        (
            None if one is None else bytearray(one),
            None,
            "ecommerce.events",
            0,
            offset,
            KAFKA_TIME + timedelta(milliseconds=offset),
            KAFKA_TIME + timedelta(seconds=5),
            run,
            None if run is None else offset,
            [],
            None,
        )
        for offset, one in enumerate(values)
    ]
    return spark.createDataFrame(rows, BRONZE)


def append_to_bronze(lake: SparkSession, rows: DataFrame) -> None:
    """Add rows to bronze as the stream would."""
    ensure_tables(lake)
    rows.writeTo(EVENTS.name).options(**as_options({RUN_ID: "a-start", JOB: "bronze.events"})).append()
