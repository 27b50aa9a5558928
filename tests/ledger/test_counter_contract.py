"""What every lake counter does, over the null one and Spark."""

import pytest

from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.adapters.reading import lake_counts
from controlplane.ledger.adapters.spark import SparkLakeCounter
from controlplane.ledger.ports import Block, CountUnreachableError, LakeCounter, LakeCounts
from tests.ledger.books import LAKE
from tests.waiting import done_within


def _hold_together(found: LakeCounts) -> None:
    """What is true of any count of a lake that is right."""
    accounted = found.silver.rows + found.quarantine.rows + found.duplicates.rows + found.pending.rows
    assert found.bronze.rows == accounted + found.unaccounted.rows
    assert found.copies.rows <= found.bronze.rows
    for counted in (found.bronze, found.copies, found.silver, found.duplicates, found.pending, found.unaccounted):
        assert sum(counted.by_run.values()) == counted.rows
    assert sum(found.quarantine.by_reason.values()) == found.quarantine.rows
    assert sum(sum(reasons.values()) for reasons in found.quarantine.by_run.values()) == found.quarantine.rows
    assert set(found.gold) == {"hourly_sales", "top_products", "user_sessions"}


def _down_null() -> LakeCounter:
    counter = NullLakeCounter(LAKE)
    counter.unreachable = "It doesn't answer."
    return counter


def test_the_null_counter_gives_what_it_was_told() -> None:
    _hold_together(NullLakeCounter(LAKE).count(None))


@pytest.mark.stack
def test_spark_counts_the_stacks_lake(stack: object) -> None:
    found = SparkLakeCounter(stack.connections["spark_remote"], topic=stack.connections["topic"]).count(None)  # type: ignore[attr-defined]

    assert found.unaccounted.rows == 0
    _hold_together(found)


@pytest.mark.stack
def test_a_count_past_its_deadline_is_given_up(stack: object) -> None:
    counter = SparkLakeCounter(stack.connections["spark_remote"], topic="none", seconds=0.05)  # type: ignore[attr-defined]

    with pytest.raises(CountUnreachableError, match="did not finish"):
        counter.count(None)


@pytest.mark.parametrize(
    "counter", [_down_null(), SparkLakeCounter("sc://127.0.0.1:9", topic="none")], ids=["null", "spark"]
)
def test_one_that_is_down_says_so_at_once(counter: LakeCounter) -> None:
    with done_within(5, "the answer"), pytest.raises(CountUnreachableError):
        counter.count(None)


def test_the_counting_jobs_dictionary_is_read() -> None:
    said = {
        "counted_at": "2026-11-23T17:00:00+00:00",
        "snapshots": {"lake.bronze.events": "1", "lake.silver.events": None},
        "bronze": {"rows": 3, "by_run": {"": 3}},
        "blocks": [[0, 0, 2, 3], [1, 4, 1, 65_537]],
        "copies": {"rows": 1, "by_run": {"": 1}},
        "pending": {"rows": 0, "by_run": {}},
        "silver": {"rows": 1, "by_run": {"": 1}, "revenue": {"EUR": "19.90"}},
        "quarantine": {"rows": 1, "by_run": {"": {"oversized": 1}}, "by_reason": {"oversized": 1}},
        "duplicates": {"rows": 1, "by_run": {"": 1}},
        "unaccounted": {"rows": 0, "by_run": {}},
        "gold": {
            "hourly_sales": {"rows": 1, "revenue": {"EUR": "19.90"}, "input_snapshot": "8"},
            "user_sessions": {"rows": 1, "revenue": {"EUR": "19.90"}, "input_snapshot": "8"},
            "top_products": {"rows": 1, "input_snapshot": None},
        },
        "silver_published_snapshot": "8",
    }

    found = lake_counts(said)
    _hold_together(found)
    assert str(found.silver_revenue["EUR"]) == "19.90"
    assert found.blocks == [Block(0, 0, 2, 3), Block(1, 4, 1, 65_537)]
    assert found.gold["hourly_sales"].input_snapshot == found.silver_published == "8"
    assert found.gold["top_products"].input_snapshot is None
    assert found.snapshots["lake.silver.events"] is None
