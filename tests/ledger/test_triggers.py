"""The ledger counts by itself when something has changed, and never otherwise."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from controlplane.health.services import observation_record
from controlplane.leases import WorkState
from controlplane.ledger import tasks
from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.models import Statement
from controlplane.ledger.triggers import due, fingerprint
from controlplane.orchestration.models import DagRun
from controlplane.scenarios.models import ScenarioRun
from controlplane.streaming.adapters.null import NullEventTopic

pytestmark = pytest.mark.django_db
GOLD = ("gold.hourly_sales", "gold.top_products", "gold.user_sessions")


def _seen(bronze: str = "1", silver: str = "2", gold: str = "2") -> None:
    tables: dict[str, Any] = {
        "bronze.events": {"snapshot_id": bronze},
        "silver.events": {"snapshot_id": silver, "input_snapshot": bronze},
        **{name: {"snapshot_id": f"9{gold}", "input_snapshot": gold} for name in GOLD},
    }
    observation_record(part="lake", reading=Reading(PartState.UP, "", {"tables": tables}))


def _taken(seconds_ago: float, *, took: float = 1, seen: dict[str, Any] | None = None) -> Statement:
    ended = timezone.now() - timedelta(seconds=seconds_ago)
    return Statement(
        state=WorkState.SUCCEEDED,
        started_at=ended - timedelta(seconds=took),
        finished_at=ended,
        fingerprint=seen or fingerprint(),
    )


def test_an_empty_lake_is_not_counted() -> None:
    assert not due(timezone.now(), None, fingerprint())


def test_the_first_data_is_counted() -> None:
    _seen()
    assert due(timezone.now(), None, fingerprint())


def test_nothing_new_is_never_counted_again() -> None:
    _seen()
    last = _taken(86_400)

    assert not due(timezone.now(), last, fingerprint())


def test_new_bronze_is_counted_after_a_minute() -> None:
    _seen()
    early, late = _taken(30), _taken(61)
    _seen(bronze="7")

    assert not due(timezone.now(), early, fingerprint())
    assert due(timezone.now(), late, fingerprint())


def test_a_finished_pipeline_is_counted_at_once_and_a_half_finished_one_is_not() -> None:
    _seen()
    last = _taken(5)
    _seen(silver="3", gold="2")
    assert not due(timezone.now(), last, fingerprint())
    _seen(silver="3", gold="3")
    assert due(timezone.now(), last, fingerprint())


def test_a_running_pipeline_is_waited_for_but_not_for_ever() -> None:
    _seen()
    last = _taken(100)
    _seen(silver="3", gold="3")

    assert not due(timezone.now(), last, fingerprint(), busy=True)
    assert not due(timezone.now(), None, fingerprint(), busy=True)
    assert due(timezone.now() + timedelta(minutes=5), last, fingerprint(), busy=True)


def test_the_task_leaves_spark_to_the_pipeline(counter: NullLakeCounter, topic: NullEventTopic) -> None:
    _seen()
    DagRun.objects.create(dag_id="medallion", run_id="manual__1", state=WorkState.RUNNING)
    tasks.keep_current()
    assert counter.asked == 0

    DagRun.objects.update(state=WorkState.SUCCEEDED)
    tasks.keep_current()
    assert counter.asked == 1


def test_a_slow_count_is_made_less_often() -> None:
    _seen()
    last = _taken(100, took=20)
    _seen(bronze="7")

    assert not due(timezone.now(), last, fingerprint())
    assert due(timezone.now() + timedelta(seconds=101), last, fingerprint())


def test_a_failed_count_is_tried_again_after_a_minute() -> None:
    _seen()
    last = _taken(30)
    last.state = WorkState.FAILED

    assert not due(timezone.now(), last, fingerprint())
    assert due(timezone.now() + timedelta(seconds=31), last, fingerprint())


def test_the_task_counts_once_and_then_rests(counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun) -> None:
    _seen()
    for _ in range(3):
        tasks.keep_current()

    assert counter.asked == 1
    assert Statement.objects.get().balanced


def test_the_task_spares_a_spark_that_is_down(counter: NullLakeCounter, topic: NullEventTopic) -> None:
    _seen()
    observation_record(part="spark", reading=Reading(PartState.DOWN, "It doesn't answer."))
    tasks.keep_current()

    assert counter.asked == 0


def test_the_task_picks_up_what_was_asked_for_and_lost(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    row = Statement.objects.create()
    tasks.keep_current()

    row.refresh_from_db()
    assert row.state == "succeeded"
