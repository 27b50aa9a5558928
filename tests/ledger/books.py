"""Books that balance, to be spoiled by tests in one place."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from controlplane.ledger.inputs import LedgerInputs
from controlplane.ledger.ports import Block, Counted, GoldCount, LakeCounts, Quarantined
from controlplane.scenarios.runs.truth import RunTruth

RUN = "0b9b8a5e-7d0f-4c39-8a53-6a2f5a2c7b10"
OTHER = "5d3c3f7e-0d7b-4b39-9b1c-0f2b8f5b6a21"
NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)

TRUTH = RunTruth(
    run_id=RUN,
    name="First light",
    in_progress=False,
    generated=1000,
    acknowledged=990,
    failed=10,
    injected={"malformed_json": 20, "missing_field": 5},
    duplicates=15,
)
REVENUE = {"EUR": Decimal("1234.50"), "USD": Decimal("99.99")}
LAKE = LakeCounts(
    counted_at=NOW,
    snapshots={"lake.bronze.events": "1", "lake.silver.events": "2"},
    bronze=Counted(990, {RUN: 990}),
    blocks=(Block(0, 0, 495, 495), Block(1, 0, 495, 495)),
    silver=Counted(950, {RUN: 950}),
    silver_revenue=REVENUE,
    silver_published="2",
    quarantine=Quarantined(
        25, {"malformed_json": 20, "missing_field": 5}, {RUN: {"malformed_json": 20, "missing_field": 5}}
    ),
    duplicates=Counted(15, {RUN: 15}),
    gold={
        "hourly_sales": GoldCount(7, "2", REVENUE),
        "user_sessions": GoldCount(40, "2", REVENUE),
        "top_products": GoldCount(50, "2"),
    },
)


def books(*, truth: dict[str, Any] | None = None, topic: int | None = 990, **lake: Any) -> LedgerInputs:
    """The balancing books with some of the run's truth or the lake's counts replaced."""
    return LedgerInputs(runs=[replace(TRUTH, **(truth or {}))], topic_records=topic, lake=replace(LAKE, **lake))
