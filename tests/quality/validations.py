"""Result documents for tests."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def expectation(**said: Any) -> dict[str, Any]:
    return {
        "type": "expect_column_values_to_not_be_null",
        "column": "event_id",
        "title": "event_id is never null",
        "severity": "critical",
        "success": True,
        "observed": None,
        "unexpected_count": 0,
        "unexpected_percent": 0.0,
        "unexpected_sample": [],
        "kwargs": {"column": "event_id"},
        **said,
    }


def document(validation_id: UUID | None = None, *, minutes: int = 0, **said: Any) -> dict[str, Any]:
    """A validation of silver.events that finished `minutes` after NOW."""
    return {
        "validation_id": str(validation_id or uuid4()),
        "suite": "silver.events",
        "table": "lake.silver.events",
        "branch": "audit",
        "snapshot_id": "8744736658442914487",
        "run_id": "manual__2026-11-23",
        "job": "silver.events.gate",
        "started_at": (NOW + timedelta(minutes=minutes, seconds=-8)).isoformat(),
        "finished_at": (NOW + timedelta(minutes=minutes)).isoformat(),
        "success": True,
        "published": True,
        "rows": 58_000,
        "expectations": [expectation()],
        **said,
    }


def content(**said: Any) -> bytes:
    return json.dumps(document(**said)).encode()
