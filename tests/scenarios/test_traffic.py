"""The shapes of traffic, and who shops: every rate over every window, sessions and baskets as they are asked for."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest

from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.records import Records
from controlplane.scenarios.generator.schedule import Schedule

# Sessions that are over within seconds, so that the crowd of the beginning is soon gone.
BRISK = {"think_seconds": 0.5}
ANCHOR = datetime(2026, 11, 23, 17, tzinfo=UTC)


def _scenario(stages: list[dict[str, Any]], seconds: float = 60, **more: Any) -> Scenario:
    traffic = {"stages": stages, **more.pop("traffic", {})}
    return check({"name": "t", "duration_seconds": seconds, "traffic": traffic, **more})


def _by_second(scenario: Scenario) -> list[int]:
    schedule = Schedule(scenario)
    due = schedule.due(0, np.random.PCG64(1).random_raw(schedule.total))
    assert (np.diff(due) >= 0).all()
    assert 0 <= due[0] <= due[-1] <= schedule.duration * 1e6
    return [int(n) for n in np.bincount(due // 1_000_000, minlength=int(schedule.duration))]


def _events(scenario: Scenario) -> list[dict[str, Any]]:
    records = Records(scenario, seed=3, anchor=ANCHOR, partitions=2)
    return [
        {**orjson.loads(value), "due": int(due) / 1e6}
        for block in records.blocks()
        for value, due in zip(block.values, block.due, strict=True)
    ]


def test_a_ramp_rises_evenly() -> None:
    found = _by_second(_scenario([{"shape": "ramp", "events_per_second": 100, "to_events_per_second": 700}]))
    assert sum(found) == 24_000
    for second, count in enumerate(found):
        assert count == pytest.approx(100 + 10 * (second + 0.5), abs=3)


def test_steps_are_held() -> None:
    stage = {"shape": "step", "events_per_second": 100, "to_events_per_second": 500, "steps": 3}
    found = _by_second(_scenario([stage]))
    assert found == pytest.approx([100] * 20 + [300] * 20 + [500] * 20, abs=2)


def test_a_spike_rises_holds_and_falls() -> None:
    stage = {
        "shape": "spike", "events_per_second": 100, "peak_events_per_second": 1000,
        "before": 0.25, "rise": 0.1, "hold": 0.25, "fall": 0.2,
    }  # fmt: skip
    found = _by_second(_scenario([stage]))
    assert found[:15] == pytest.approx([100] * 15, abs=2)
    assert found[21:36] == pytest.approx([1000] * 15, abs=2)
    assert found[48:] == pytest.approx([100] * 12, abs=2)


def test_a_wave_is_lowest_at_night_and_highest_at_noon_in_event_time() -> None:
    stage = {"shape": "wave", "events_per_second": 100, "peak_events_per_second": 900}
    found = _by_second(_scenario([stage], traffic={"time_compression": 86_400 / 30}))
    assert min(found[0], found[29], found[30], found[59]) < 115
    assert max(found[14], found[15], found[44], found[45]) > 885
    assert sum(found) == pytest.approx(60 * 500, rel=0.01)


def test_stages_loop_until_the_end() -> None:
    stages = [{"events_per_second": 10, "duration_seconds": 4}, {"events_per_second": 100, "duration_seconds": 1}]
    found = _by_second(_scenario(stages, seconds=12, traffic={"loop": True}))
    assert found == pytest.approx([10, 10, 10, 10, 100, 10, 10, 10, 10, 100, 10, 10], abs=1)


def test_sessions_a_second_are_sessions_a_second() -> None:
    scenario = _scenario([{"events_per_second": 50}], seconds=40, traffic={"unit": "sessions"}, sessions=BRISK)
    started: dict[str, float] = {}
    for event in _events(scenario):
        started.setdefault(event["session_id"], event["due"])
    within = sum(10 <= at < 30 for at in started.values())
    assert within / 20 == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("conversion", [0.05, 0.2, 0.35])
def test_the_wanted_share_of_sessions_buys(conversion: float) -> None:
    scenario = _scenario(
        [{"events_per_second": 2000}], seconds=30, sessions={"think_seconds": 0.5, "conversion": conversion}
    )
    events = _events(scenario)
    # Sessions that began late may not have come to their end.
    started: dict[str, float] = {}
    for event in events:
        started.setdefault(event["session_id"], event["due"])
    sessions = {session for session, at in started.items() if at < 20}
    bought = {event["session_id"] for event in events if event["event_type"] == "purchase"} & sessions
    assert len(bought) / len(sessions) == pytest.approx(conversion, rel=0.15)


def test_baskets_and_dwell_times_are_as_asked_for() -> None:
    sessions = {
        "think_seconds": 1, "dwell_seconds": {"view": 4}, "basket": {"pieces_per_line": 2.5, "most_lines": 2},
    }  # fmt: skip
    events = _events(_scenario([{"events_per_second": 1000}], seconds=60, sessions=sessions))
    pieces = [event["quantity"] for event in events if event["event_type"] == "add_to_cart"]
    assert sum(pieces) / len(pieces) == pytest.approx(2.5, rel=0.1)
    lines = Counter(event["order_id"] for event in events if event["event_type"] == "purchase")
    assert max(lines.values()) <= 2
    last: dict[str, dict[str, Any]] = {}
    waits: dict[str, list[float]] = {"view": [], "search": []}
    for event in events:
        before = last.get(event["session_id"])
        if before is not None and before["event_type"] in waits and before["due"] < 40:
            waits[before["event_type"]].append(event["due"] - before["due"])
        last[event["session_id"]] = event
    view, search = (sum(found) / len(found) for found in waits.values())
    assert view / search == pytest.approx(4, rel=0.35)


def test_everybody_looks_at_the_hot_product_at_its_price_while_the_sale_lasts() -> None:
    hot = {"share": 0.5, "discount": 0.4, "from_seconds": 10, "until_seconds": 20}
    stages = [{"events_per_second": 1000}]
    events = _events(_scenario(stages, seconds=30, population={"hot_product": hot}))
    prices: dict[str, set[float]] = {}
    shares = []
    for start in (0, 10, 20):
        looks = Counter(
            event["product_id"]
            for event in events
            if event["event_type"] == "view" and start + 2 <= event["due"] < start + 10
        )
        shares.append(looks.most_common(1)[0][1] / looks.total())
    for event in events:
        if "price" in event:
            prices.setdefault(event["product_id"], set()).add(event["price"])
    assert shares[0] < 0.25
    assert 0.35 < shares[1] < 0.6
    assert shares[2] < 0.3
    (sold,) = (found for found in prices.values() if len(found) > 1)
    assert min(sold) / max(sold) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(
    ("stages", "more", "field", "remedy"),
    [
        ([{"shape": "ramp", "events_per_second": 1}], {}, "traffic.stages[0].to_events_per_second", "Add the field"),
        ([{"shape": "rmap", "events_per_second": 1}], {}, "traffic.stages[0].shape", "Did you mean ramp?"),
        (
            [{"shape": "spike", "events_per_second": 1, "peek_events_per_second": 5, "peak_events_per_second": 5}],
            {},
            "traffic.stages[0].peek_events_per_second",
            "peak_events_per_second?",
        ),
        (
            [{"shape": "spike", "events_per_second": 1, "peak_events_per_second": 5, "hold": 0.9}],
            {},
            "traffic.stages[0]",
            "at most 1",
        ),
        (
            [{"events_per_second": 1}],
            {"traffic": {"loop": True}},
            "traffic.stages",
            "Set duration_seconds on every stage.",
        ),
        (
            [{"events_per_second": 1, "duration_seconds": 0.001}],
            {"traffic": {"loop": True}},
            "traffic.stages",
            "Lengthen the stages",
        ),
        (
            [{"events_per_second": 1}],
            {"traffic": {"time_compression": 99_999}, "seconds": 86_400},
            "traffic.time_compression",
            "Lower time_compression or the delays",
        ),
        ([{"events_per_second": 1}], {"sessions": {"conversion": 0.9}}, "sessions.conversion", "add_to_cart"),
        (
            [{"events_per_second": 1}],
            {"sessions": {"dwell_seconds": {"veiw": 3}}},
            "sessions.dwell_seconds.veiw",
            "view?",
        ),
        (
            [{"events_per_second": 1}],
            {"population": {"hot_product": {"from_seconds": 9, "until_seconds": 3}}},
            "population.hot_product.until_seconds",
            "until_seconds",
        ),
        (
            [{"events_per_second": 1}],
            {
                "faults": [
                    {"kind": "late", "rate": 0.1, "until_seconds": 5},
                    {"kind": "late", "rate": 0.1, "from_seconds": 4},
                ]
            },
            "faults[1]",
            "before the other starts",
        ),
        (
            [{"events_per_second": 1}],
            {
                "faults": [
                    {"kind": "late", "rate": 0.6, "from_seconds": 5},
                    {"kind": "dropped", "rate": 0.6, "from_seconds": 4},
                ]
            },
            "faults",
            "Lower them",
        ),
        (
            [{"events_per_second": 1}],
            {"thresholds": [{"metric": "failed_percent"}]},
            "thresholds[0]",
            "Set one of the two",
        ),
        (
            [{"events_per_second": 1}],
            {"thresholds": [{"metric": "bronze_lag", "over": 1}]},
            "thresholds[0].metric",
            "Did you mean bronze_lag",
        ),
    ],
)
def test_what_makes_no_sense_is_said(
    stages: list[dict[str, Any]], more: dict[str, Any], field: str, remedy: str
) -> None:
    with pytest.raises(DocumentError) as refused:
        _scenario(stages, **more)
    (problem,) = refused.value.problems
    assert (problem.field, remedy in problem.remedy) == (field, True), problem


def test_a_span_that_is_too_long_says_its_bound() -> None:
    with pytest.raises(DocumentError, match="span 99,999 days; the maximum is 380 days"):
        _scenario([{"events_per_second": 1}], seconds=86_400, traffic={"time_compression": 99_999})
