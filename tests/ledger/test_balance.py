"""Each line holds when it should, is off when something is missing, and waits while that can't be said."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from controlplane.ledger.balance import lines, run_lines
from controlplane.ledger.inputs import LedgerInputs, Line, balanced
from controlplane.ledger.ports import Counted, GoldCount, Quarantined
from controlplane.scenarios.runs.truth import RunTruth
from tests.ledger.books import LAKE, OTHER, REVENUE, RUN, TRUTH, books


def _by_key(found: list[Line]) -> dict[str, Line]:
    return {line.key: line for line in found}


def _judged(found: LedgerInputs) -> tuple[set[str], set[str]]:
    """The keys of the lines that are off, and of those that wait."""
    every = lines(found)
    return {line.key for line in every if line.holds is False}, {line.key for line in every if line.holds is None}


def test_books_without_a_fault_balance() -> None:
    found = lines(books())

    assert [(line.key, line.difference) for line in found] == [
        ("generated", 0),
        ("topic", 0),
        ("bronze", 0),
        ("silver", 0),
        ("refined", 0),
        ("unaccounted", 0),
        ("quarantine.malformed_json", 0),
        ("quarantine.missing_field", 0),
        ("duplicates", 0),
        ("revenue.hourly_sales.EUR", "0.00"),
        ("revenue.hourly_sales.USD", "0.00"),
        ("revenue.user_sessions.EUR", "0.00"),
        ("revenue.user_sessions.USD", "0.00"),
    ]
    assert all(line.holds and not line.note for line in found)
    assert balanced(found)
    assert balanced(run_lines(books(), TRUTH))


def test_an_empty_installation_balances() -> None:
    empty = replace(LAKE, bronze=Counted(), silver=Counted(), silver_revenue={}, silver_published=None, gold={})
    empty = replace(empty, quarantine=Quarantined(), duplicates=Counted())

    assert balanced(lines(LedgerInputs(runs=[], topic_records=0, lake=empty)))


@pytest.mark.parametrize(
    ("spoiled", "off"),
    [
        ({"truth": {"failed": 9}}, {"generated"}),
        ({"topic": 989}, {"topic", "bronze"}),
        ({"bronze": Counted(989, {RUN: 989})}, {"silver"}),
        ({"silver": Counted(949, {RUN: 949})}, {"silver"}),
        ({"unaccounted": Counted(1, {RUN: 1})}, {"unaccounted"}),
        ({"truth": {"duplicates": 14}}, {"duplicates"}),
        ({"truth": {"injected": {"malformed_json": 20}}}, {"quarantine.missing_field"}),
        ({"truth": {"injected": {"malformed_json": 20, "missing_field": 5, "oversized": 1}}}, {"quarantine.oversized"}),
        (
            {"gold": {**LAKE.gold, "hourly_sales": GoldCount(7, "2", {**REVENUE, "EUR": Decimal("1234.49")})}},
            {"revenue.hourly_sales.EUR"},
        ),
        (
            {"gold": {**LAKE.gold, "user_sessions": GoldCount(7, "2", {"EUR": REVENUE["EUR"]})}},
            {"revenue.user_sessions.USD"},
        ),
    ],
)
def test_what_is_missing_is_off(spoiled: dict[str, Any], off: set[str]) -> None:
    found = books(**spoiled)

    assert _judged(found)[0] == off
    assert not balanced(lines(found))


def test_the_difference_is_left_less_right() -> None:
    line = _by_key(lines(books(unaccounted=Counted(3, {RUN: 3}))))["unaccounted"]
    money = {"hourly_sales": GoldCount(7, "2", {**REVENUE, "EUR": Decimal("1200.25")})}

    assert line.difference == 3
    assert _by_key(lines(books(gold={**LAKE.gold, **money})))["revenue.hourly_sales.EUR"].difference == "-34.25"


def test_records_on_the_way_are_awaited() -> None:
    late = books(bronze=Counted(900, {RUN: 900}), silver=Counted(860, {RUN: 860}))

    off, waiting = _judged(late)
    assert off == set()
    assert waiting == {"bronze", "quarantine.malformed_json", "quarantine.missing_field", "duplicates"}
    assert "90 records are not in bronze yet" in _by_key(lines(late))["bronze"].note
    assert _by_key(run_lines(late, TRUTH))["bronze"].holds is None
    assert not balanced(lines(late))


def test_more_missing_than_is_on_the_way_is_off() -> None:
    lost = books(topic=910, bronze=Counted(900, {RUN: 900}), silver=Counted(860, {RUN: 860}))

    assert "topic" in _judged(lost)[0]
    assert _by_key(run_lines(lost, TRUTH))["bronze"].holds is False


def test_rows_not_refined_yet_are_awaited() -> None:
    waiting = books(silver=Counted(900, {RUN: 900}), pending=Counted(50, {RUN: 50}))

    assert _judged(waiting) == (
        set(),
        {"refined", "quarantine.malformed_json", "quarantine.missing_field", "duplicates"},
    )
    assert {line.key for line in run_lines(waiting, TRUTH) if line.holds is None} >= {"refined", "duplicates"}


def test_a_run_in_progress_is_awaited_but_a_loss_in_the_lake_is_not() -> None:
    running = books(truth={"in_progress": True, "acknowledged": 500}, topic=800, unaccounted=Counted(1, {RUN: 1}))

    off, waiting = _judged(running)
    assert {"generated", "topic"} <= waiting
    assert "unaccounted" in off


def test_gold_that_is_behind_silver_is_awaited() -> None:
    behind = {name: replace(gold, input_snapshot="1") for name, gold in LAKE.gold.items()}
    off, waiting = _judged(books(gold=behind, silver_revenue={**REVENUE, "EUR": Decimal("9999")}))

    assert off == set()
    assert waiting == {f"revenue.{table}.{money}" for table in ("hourly_sales", "user_sessions") for money in REVENUE}


def test_foreign_events_are_from_elsewhere_and_no_imbalance() -> None:
    foreign = books(
        topic=1000,
        bronze=Counted(1000, {RUN: 990, "": 6, OTHER: 4}),
        silver=Counted(957, {RUN: 950, "": 5, OTHER: 2}),
        quarantine=Quarantined(
            28,
            {"malformed_json": 22, "missing_field": 5, "oversized": 1},
            {RUN: {"malformed_json": 20, "missing_field": 5}, "": {"oversized": 1}, OTHER: {"malformed_json": 2}},
        ),
    )

    found = _by_key(lines(foreign))
    assert balanced(list(found.values()))
    assert found["topic"].left.value == 1000
    assert found["quarantine.malformed_json"].left.value == 20
    assert "quarantine.oversized" not in found


def test_foreign_events_on_the_way_may_explain_the_topic() -> None:
    found = _by_key(lines(books(topic=993)))

    assert found["topic"].holds is None
    assert "3 records" in found["topic"].note


def test_records_sent_twice_lie_on_the_topic_twice() -> None:
    twice = books(
        truth={"sent_twice": 2},
        topic=992,
        bronze=Counted(992, {RUN: 992}),
        duplicates=Counted(17, {RUN: 17}),
    )

    assert balanced(lines(twice))
    assert balanced(run_lines(twice, replace(TRUTH, sent_twice=2)))


def test_records_taken_in_again_are_no_imbalance() -> None:
    again = books(
        topic=993,
        bronze=Counted(1093, {RUN: 1085, "": 8}),
        copies=Counted(100, {RUN: 95, "": 5}),
        silver=Counted(953, {RUN: 950, "": 3}),
        duplicates=Counted(115, {RUN: 110, "": 5}),
    )

    assert _judged(again) == (set(), set())
    assert _by_key(lines(again))["bronze"].left.value == 1093
    assert balanced(run_lines(again, TRUTH))


def test_a_topic_that_cannot_be_asked_is_unknown() -> None:
    found = _by_key(lines(replace(books(topic=None), topic_problem="Kafka is down.")))

    assert (found["topic"].holds, found["topic"].note) == (None, "Kafka is down.")
    assert found["bronze"].difference is None
    assert found["silver"].holds is True


def test_a_run_is_judged_by_its_own_counts() -> None:
    other = RunTruth(OTHER, "Dirty data", in_progress=False, generated=10, acknowledged=10, failed=0)
    both = replace(
        books(topic=1000, bronze=Counted(1000, {RUN: 990, OTHER: 10}), silver=Counted(959, {RUN: 950, OTHER: 9})),
        runs=[TRUTH, other],
    )

    assert balanced(run_lines(both, TRUTH))
    assert {line.key for line in run_lines(both, other) if not line.holds} == {"silver"}
