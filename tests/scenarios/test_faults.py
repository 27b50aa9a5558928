"""Every fault does what it says, in its window, and the truth says exactly what silver has to find."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.faults import FAULTS, Outcome, truth_of
from controlplane.scenarios.generator.records import Records
from tests.scenarios.rules import verdicts

ANCHOR = datetime(2026, 11, 23, 17, tzinfo=UTC)


def _scenario(*faults: dict[str, Any], **more: Any) -> Scenario:
    traffic = {"stages": [{"events_per_second": 1000}]}
    return check({"name": "f", "duration_seconds": 20, "traffic": traffic, "faults": list(faults), **more})


def _rows(scenario: Scenario) -> list[dict[str, Any]]:
    """Every record in the order of sending: its due second, kind, value, and whether it is sent at all."""
    records = Records(scenario, seed=7, anchor=ANCHOR, partitions=4)
    return [
        {
            "sequence": block.first + at,
            "due": int(block.due[at]) / 1e6,
            "kind": records.kinds[int(block.codes[at])],
            "value": block.values[at],
            "sent": block.suppressed is None or not block.suppressed[at],
            "source": block.sources.get(at),
        }
        for block in records.blocks()
        for at in range(len(block))
    ]


def _moment(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(orjson.loads(row["value"])["event_time"])


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_has_the_outcome_that_it_states(kind: str) -> None:
    rate = 0.001 if kind == "oversized" else 0.1
    rows = _rows(_scenario({"kind": kind, "rate": rate}))
    struck = sum(row["kind"] == kind for row in rows)
    truth = truth_of({kind: struck})
    good, reasons, copies = verdicts((row["value"] for row in rows if row["sent"]), ANCHOR)
    assert struck > 0
    assert (reasons, copies) == (truth.expected_reasons, truth.duplicates)
    assert len(good) == len(rows) - sum(reasons.values()) - copies - truth.missing
    assert {Outcome.PASSES: truth.passing, Outcome.MISSING: truth.missing}.get(FAULTS[kind].outcome, struck) == struck


@pytest.mark.parametrize("kind", ["truncated", "late", "dropped", "negative_price", "new_field"])
def test_a_fault_strikes_in_its_window_at_its_rate(kind: str) -> None:
    rows = _rows(_scenario({"kind": kind, "rate": 0.2, "from_seconds": 5, "until_seconds": 9}))
    struck = [row["due"] for row in rows if row["kind"] == kind]
    assert 5 <= min(struck) < 5.1
    assert 8.9 < max(struck) < 9
    assert len(struck) == pytest.approx(800, rel=0.1)


def test_one_kind_may_have_many_windows_with_rates_of_their_own() -> None:
    rows = _rows(
        _scenario(
            {"kind": "truncated", "rate": 0.5, "until_seconds": 5},
            {"kind": "truncated", "rate": 0.05, "from_seconds": 10, "until_seconds": 15},
        )
    )
    by_second = [sum(row["kind"] == "truncated" and int(row["due"]) == second for row in rows) for second in range(20)]
    assert sum(by_second[:5]) == pytest.approx(2500, rel=0.1)
    assert sum(by_second[5:10]) == sum(by_second[15:]) == 0
    assert sum(by_second[10:15]) == pytest.approx(250, rel=0.3)


def test_late_events_come_hours_after_their_time() -> None:
    rows = _rows(_scenario({"kind": "late", "rate": 0.1, "delay_seconds": 7200}))
    for row in rows:
        age = ANCHOR + timedelta(seconds=row["due"]) - _moment(row)
        if row["kind"] == "late":
            assert timedelta(hours=1) <= age <= timedelta(hours=3, seconds=1)
        else:
            assert abs(age) < timedelta(milliseconds=1)


def test_events_out_of_order_are_overtaken() -> None:
    rows = _rows(_scenario({"kind": "out_of_order", "rate": 0.1, "delay_seconds": 3}))
    held = [row for row in rows if row["kind"] == "out_of_order"]
    assert len(held) == pytest.approx(0.09 * len(rows), rel=0.15)
    newest = datetime.min.replace(tzinfo=UTC)
    for row in rows:
        if row["kind"] == "out_of_order":
            assert _moment(row) < newest
            behind = ANCHOR + timedelta(seconds=row["due"]) - _moment(row)
            assert timedelta(seconds=1.5) <= behind <= timedelta(seconds=5.6)
        newest = max(newest, _moment(row))
    ids = [orjson.loads(row["value"])["event_id"] for row in rows]
    assert len(set(ids)) == len(ids)


def test_dropped_records_have_a_number_and_are_not_sent() -> None:
    rows = _rows(_scenario({"kind": "dropped", "rate": 0.1}))
    assert [row["sequence"] for row in rows] == list(range(20_000))
    assert {row["kind"] for row in rows if not row["sent"]} == {"dropped"}
    assert all(not row["sent"] for row in rows if row["kind"] == "dropped")


def test_a_copy_at_once_follows_its_first_within_a_block() -> None:
    rows = _rows(_scenario({"kind": "duplicate", "rate": 0.1, "delay_seconds": 0}))
    waits = [row["due"] - rows[row["source"]]["due"] for row in rows if row["source"] is not None]
    assert len(waits) == pytest.approx(20_000 / 1.1 * 0.1, rel=0.1)
    assert max(waits) < 1.2


def test_a_delayed_copy_counts_its_hours_in_event_time_and_comes_before_the_end() -> None:
    slow = _rows(_scenario({"kind": "duplicate_delayed", "rate": 0.05, "delay_seconds": 7200}))
    late = [row["due"] for row in slow if row["kind"] == "duplicate_delayed"]
    assert len(late) == pytest.approx(20_000 / 1.05 * 0.05, rel=0.1)
    # Hours don't fit into twenty seconds: nearly all of them come just before the end.
    assert sum(moment >= 18.9 for moment in late) / len(late) > 0.99
    traffic = {"stages": [{"events_per_second": 1000}], "time_compression": 3600}
    fast = _rows(_scenario({"kind": "duplicate_delayed", "rate": 0.05, "delay_seconds": 7200}, traffic=traffic))
    waits = [row["due"] - fast[row["source"]]["due"] for row in fast if row["source"] is not None and row["due"] < 15]
    assert sum(waits) / len(waits) == pytest.approx(2, abs=0.6)


def test_a_storm_of_copies_leaves_no_place_empty() -> None:
    rows = _rows(_scenario({"kind": "duplicate", "rate": 1.0, "delay_seconds": 0}))
    assert all(row["value"] for row in rows)
    copies = sum(row["kind"] == "duplicate" for row in rows)
    assert 0.4 < copies / len(rows) <= 0.5
    _, reasons, found = verdicts((row["value"] for row in rows), ANCHOR)
    assert (reasons, found) == ({}, copies)
