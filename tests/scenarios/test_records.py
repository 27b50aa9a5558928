"""The records of a run: the same every time, as a shop would make them, and spoiled exactly as they say."""

import json
import subprocess
import sys
import zlib
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import psutil
import pytest

from controlplane.scenarios.generator.ahead import RecordsAhead
from controlplane.scenarios.generator.document import check
from controlplane.scenarios.generator.faults import FAULTS, Outcome, Truth, truth_of
from controlplane.scenarios.generator.reading import find, library
from controlplane.scenarios.generator.records import Records
from controlplane.scenarios.generator.schedule import Schedule
from tests.scenarios.made import ANCHOR, digest_of, made
from tests.scenarios.rules import verdicts

DUPLICATE = "duplicate"


def _values(blocks: Any) -> list[bytes]:
    """What reaches the topic."""
    return [
        value
        for block in blocks
        for at, value in enumerate(block.values)
        if block.suppressed is None or not block.suppressed[at]
    ]


def _injected(records: Any, blocks: Any) -> dict[str, int]:
    return {kind: sum(int((block.codes == code).sum()) for block in blocks) for code, kind in enumerate(records.kinds)}


def _truth(records: Any, blocks: Any) -> Truth:
    return truth_of({kind: count for kind, count in _injected(records, blocks).items() if kind})


@pytest.fixture(scope="module")
def first_light() -> Any:
    return made(find("first-light"))


@pytest.fixture(scope="module")
def good_events(first_light: Any) -> list[dict[str, Any]]:
    return verdicts(_values(first_light[1]), ANCHOR)[0]


def test_another_process_makes_the_same_bytes() -> None:
    program = (
        "from controlplane.scenarios.generator.reading import find\n"
        "from tests.scenarios.made import digest_of\n"
        "print(digest_of(find('first-light'), seed=11))"
    )
    made = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert made == {digest_of(find("first-light"), seed=11)}


PINNED = (
    *("empty_record", "malformed_json", "truncated", "not_an_object", "missing_field", "wrong_type"),
    *("invalid_identifier", "unknown_event_type", "future_time", "ancient_time", "negative_price", "absurd_price"),
    *("zero_quantity", "huge_quantity", "unknown_currency", "duplicate"),
)


def test_the_bytes_are_those_of_earlier_releases() -> None:
    """A replay made by a later program must still prove itself. Where this fails, the bytes of every stored scenario
    have changed: that is for the changelog, not for this line alone."""
    document = {
        "name": "Pinned",
        "duration_seconds": 20,
        "traffic": {"stages": [{"events_per_second": 1000}]},
        "faults": [{"kind": kind, "rate": 0.01} for kind in PINNED],
    }
    assert digest_of(check(document)) == "cd05a71eb5dd528f79da9cc86596340c"


def test_the_order_of_keys_changes_nothing() -> None:
    first_light = find("first-light")
    written, stored = check(first_light.model_dump(mode="json")), check(orjson.loads(first_light.canonical()))
    assert list(written.population.devices) != list(stored.population.devices)
    backwards = first_light.model_dump(mode="json")
    for part, name in (("population", "devices"), ("sessions", "transitions")):
        backwards[part][name] = dict(reversed(backwards[part][name].items()))
    assert digest_of(written) == digest_of(stored) == digest_of(check(backwards))


def test_what_was_not_said_changes_nothing_and_what_was_said_does() -> None:
    scenario = find("dirty-data").model_copy(update={"max_events": 5000})
    same = scenario.model_copy(update={"name": "Renamed", "description": "Other words", "seed": 99})
    assert digest_of(scenario) == digest_of(same)
    others = {
        digest_of(scenario, seed=8),
        digest_of(scenario, anchor=ANCHOR + timedelta(microseconds=1)),
        digest_of(scenario, partitions=3),
        digest_of(scenario.model_copy(update={"faults": scenario.faults[1:]})),
    }
    assert len(others | {digest_of(scenario)}) == 5


def test_another_anchor_is_the_same_traffic_with_other_events(good_events: list[dict[str, Any]]) -> None:
    later = verdicts(
        _values(made(find("first-light"), anchor=ANCHOR + timedelta(days=1))[1]), ANCHOR + timedelta(days=1)
    )
    assert [(e["event_type"], e["user_id"], e.get("product_id")) for e in good_events] == [
        (e["event_type"], e["user_id"], e.get("product_id")) for e in later[0]
    ]
    for field in ("event_id", "session_id", "order_id"):
        assert not {e.get(field) for e in good_events} & {e.get(field) for e in later[0]} - {None}, field


@pytest.mark.parametrize("name", [slug for slug, _ in library()])
def test_the_truth_is_what_the_rules_find(name: str) -> None:
    whole = find(name)
    records, blocks = made(whole.model_copy(update={"max_events": min(Schedule(whole).total, 60_000)}))
    assert sum(len(block) for block in blocks) == records.total
    truth = _truth(records, blocks)
    good, reasons, copies = verdicts(_values(blocks), ANCHOR)
    assert (reasons, copies) == (truth.expected_reasons, truth.duplicates)
    assert len(good) + sum(reasons.values()) + copies + truth.missing == records.total


QUARANTINED = [kind for kind, fault in FAULTS.items() if fault.outcome is Outcome.QUARANTINED]


@pytest.mark.parametrize("kind", QUARANTINED)
def test_each_fault_alone_leads_to_its_reason_at_its_rate(kind: str) -> None:
    rate = 0.001 if kind == "oversized" else 0.1
    scenario = check(
        {
            "name": kind,
            "duration_seconds": 20,
            "traffic": {"stages": [{"events_per_second": 1000}]},
            "faults": [{"kind": kind, "rate": rate}],
        }
    )
    _, reasons, copies = verdicts(_values(made(scenario)[1]), ANCHOR)
    assert set(reasons) == {FAULTS[kind].reason}
    assert copies == 0
    assert reasons[FAULTS[kind].reason] == pytest.approx(20_000 * rate, rel=0.5 if kind == "oversized" else 0.1)


def test_first_light_is_as_it_is_described(first_light: Any) -> None:
    records, blocks = first_light
    counts = {
        kind: sum(int((block.codes == code).sum()) for block in blocks) for code, kind in enumerate(records.kinds)
    }
    assert records.total == 60_000
    copies, good = counts.pop(DUPLICATE), counts.pop("")
    assert copies / 60_000 == pytest.approx(0.01, abs=0.003)
    assert sum(counts.values()) / 60_000 == pytest.approx(0.03, abs=0.003)
    assert len(counts) >= 8
    assert min(counts.values()) > 0
    assert good + copies + sum(counts.values()) == 60_000


def test_copies_come_later_with_the_same_bytes_key_and_partition(first_light: Any) -> None:
    records, blocks = first_light
    code = records.kinds.index(DUPLICATE)
    seen: dict[bytes, tuple[bytes, int]] = {}
    copies = 0
    for block in blocks:
        for value, key, partition, what in zip(
            block.values, block.keys, block.partitions, block.codes.tolist(), strict=True
        ):
            if what == code:
                copies += 1
                assert seen[value] == (key, partition)
            else:
                seen[value] = (key, partition)
    assert copies > 400


def test_keys_and_partitions_follow_from_the_user(first_light: Any) -> None:
    for block in first_light[1]:
        for key, partition, value, code in zip(
            block.keys, block.partitions, block.values, block.codes.tolist(), strict=True
        ):
            assert partition == zlib.crc32(key) % 4
            if code == 0:
                assert json.loads(value)["user_id"].encode() == key


def test_times_follow_the_arrival_rate(first_light: Any, good_events: list[dict[str, Any]]) -> None:
    due = [moment for block in first_light[1] for moment in block.due.tolist()]
    assert due == sorted(due)
    for second in range(30):
        arrived = sum(second * 10**6 <= moment < (second + 1) * 10**6 for moment in due)
        assert arrived == pytest.approx(2000, rel=0.01)
    times = [datetime.fromisoformat(event["event_time"]) for event in good_events]
    assert times == sorted(times)
    assert times[0] >= ANCHOR
    assert times[-1] <= ANCHOR + timedelta(seconds=30)


def test_a_compressed_day_ends_now() -> None:
    scenario = find("steady-day").model_copy(update={"max_events": None})
    _, blocks = made(scenario)
    first, last = (json.loads(value)["event_time"] for value in (blocks[0].values[0], blocks[-1].values[-1]))
    span = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    assert span == pytest.approx(timedelta(days=1), abs=timedelta(minutes=5))
    assert datetime.fromisoformat(last) <= ANCHOR + timedelta(seconds=600)


def test_sessions_make_sense() -> None:
    """Without faults every session can be followed step by step."""
    scenario = find("first-light").model_copy(update={"faults": []})
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for value in _values(made(scenario)[1]):
        event = json.loads(value)
        sessions[event["session_id"]].append(event)
    assert len(sessions) > 5000
    orders: dict[str, str] = {}
    bought = 0
    for events in sessions.values():
        assert events[0]["event_type"] in ("view", "search")
        assert len({(e["user_id"], e["country"], e["currency"], e["device"]) for e in events}) == 1
        viewed: set[str] = set()
        cart: list[tuple[str, int]] = []
        order = None
        for before, event in pairwise([{"event_type": "start"}, *events]):
            kind = event["event_type"]
            if kind == "view":
                viewed.add(event["product_id"])
            elif kind == "add_to_cart":
                assert event["product_id"] in viewed
                cart.append((event["product_id"], event["quantity"]))
            elif kind == "remove_from_cart":
                cart.remove((event["product_id"], event["quantity"]))
            elif kind == "checkout":
                assert cart
                order = event["order_id"]
                assert orders.setdefault(order, event["session_id"]) == event["session_id"]
            elif kind == "purchase":
                assert before["event_type"] in ("checkout", "purchase")
                assert event["order_id"] == order
                cart.remove((event["product_id"], event["quantity"]))
                bought += 1
    assert bought > 1000


def test_users_products_and_orders_are_constant(good_events: list[dict[str, Any]]) -> None:
    products: dict[str, set[Any]] = defaultdict(set)
    users: dict[str, set[Any]] = defaultdict(set)
    for event in good_events:
        users[event["user_id"]].add((event["country"], event["currency"], event["device"]))
        if "product_id" in event:
            products[event["product_id"]].add((event["category"], event["price"]))
    assert all(len(found) == 1 for found in users.values())
    assert all(len(found) == 1 for found in products.values())
    assert len(products) > 1000


def test_few_products_are_viewed_much(good_events: list[dict[str, Any]]) -> None:
    views: dict[str, int] = defaultdict(int)
    for event in good_events:
        if event["event_type"] == "view":
            views[event["product_id"]] += 1
    ranked = sorted(views.values(), reverse=True)
    assert 0.3 < sum(ranked[: len(ranked) // 20]) / sum(ranked) < 0.8


def test_sessions_overlap(good_events: list[dict[str, Any]]) -> None:
    spans: dict[str, list[str]] = defaultdict(list)
    for event in good_events:
        spans[event["session_id"]].append(event["event_time"])
    middle = (ANCHOR + timedelta(seconds=15)).isoformat()
    assert sum(times[0] < middle < times[-1] for times in spans.values()) > 500


@pytest.mark.parametrize(("rate", "seconds"), [(0.5, 10), (3, 7), (250, 1.3), (30_000, 0.7)])
def test_odd_rates_give_their_number_of_records(rate: float, seconds: float) -> None:
    scenario = check({"name": "odd", "duration_seconds": seconds, "traffic": {"stages": [{"events_per_second": rate}]}})
    records, blocks = made(scenario)
    assert sum(len(block) for block in blocks) == records.total == round(rate * seconds)
    assert verdicts(_values(blocks), ANCHOR)[1:] == ({}, 0)


def test_stages_follow_each_other() -> None:
    scenario = check(
        {
            "name": "steps",
            "duration_seconds": 6,
            "traffic": {
                "stages": [{"events_per_second": 100, "duration_seconds": 2}, {"events_per_second": 1000}],
            },
        }
    )
    due = [moment for block in made(scenario)[1] for moment in block.due.tolist()]
    assert len(due) == 4200
    assert sum(moment < 2_000_000 for moment in due) == 200
    assert due == sorted(due)


def test_records_made_by_another_process_are_the_same(first_light: Any) -> None:
    scenario = find("first-light")
    how: dict[str, Any] = {"seed": 7, "anchor": ANCHOR, "partitions": 4}
    ahead = list(RecordsAhead(scenario, **how).blocks())
    assert [list(block.values) for block in ahead] == [list(block.values) for block in first_light[1]]
    assert [block.partitions.tolist() for block in ahead] == [block.partitions.tolist() for block in first_light[1]]
    assert [block.codes.tolist() for block in ahead] == [block.codes.tolist() for block in first_light[1]]
    # Who stops reading leaves no process behind.
    before = psutil.Process().children()  # a Spark server of other tests, for one
    some = RecordsAhead(scenario, **how).blocks()
    next(some)
    children = [child for child in psutil.Process().children() if child not in before]
    assert children
    some.close()  # type: ignore[attr-defined]
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_run_that_ends_early_is_the_beginning_of_the_whole(first_light: Any) -> None:
    records = Records(find("first-light"), seed=7, anchor=ANCHOR, partitions=4, total=12_345)
    assert _values(records.blocks()) == _values(first_light[1])[:12_345]
