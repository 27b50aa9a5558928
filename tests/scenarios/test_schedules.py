"""Schedules: giving, changing and pausing one, and that each of its times ends in exactly one row."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.celery import PERIODIC
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.leases import WorkState
from controlplane.scenarios import tasks
from controlplane.scenarios.documents.services import library_sync, scenario_save
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.schedules.models import RunSchedule, RunScheduleTick, TickOutcome
from controlplane.scenarios.schedules.services import (
    Wanted,
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_pause,
    schedule_resume,
)
from controlplane.scenarios.schedules.starting import (
    GRACE,
    KEPT,
    schedule_start_due,
    schedules_start_due,
    ticks_purge_expired,
)
from tests.scenarios.documents import DOCUMENT
from tests.scenarios.requests import Requests

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTERS = "*/15 * * * *"


def _made(actor: User, *, now: datetime = NOON, enabled: bool = True, **wanted: Any) -> RunSchedule:
    if not {"cron", "at"} & set(wanted):
        wanted["cron"] = QUARTERS
    return schedule_create(
        actor=actor, slug="first-light", wanted=Wanted(**wanted), enabled=enabled, request_id=uuid.uuid4(), now=now
    )


def _ends(run: ScenarioRun) -> None:
    ScenarioRun.objects.filter(pk=run.pk).update(state=WorkState.SUCCEEDED, finished_at=timezone.now())


def _ticks(schedule: RunSchedule) -> list[tuple[str, str, int]]:
    return [(f"{tick.at:%H:%M}", tick.outcome, tick.count) for tick in schedule.ticks.order_by("at")]


def test_a_schedule_knows_its_version_its_next_time_and_whose_it_is(operator_user: User) -> None:
    schedule = _made(operator_user, cron="  0  6 * * mon-fri ", seed=7)
    assert (schedule.version.number, schedule.cron, schedule.once_at, schedule.seed) == (1, "0 6 * * mon-fri", None, 7)
    assert schedule.next_at == datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
    assert (schedule.owner, schedule.owner_name, schedule.standing) == (operator_user, "operator", "on")
    entry = AuditEntry.objects.get(action="schedule.create")
    assert entry.after is not None
    assert (entry.target, entry.detail["id"], entry.after["cron"]) == (
        "first-light", str(schedule.pk), "0 6 * * mon-fri",
    )  # fmt: skip


def test_the_same_request_is_the_same_schedule(operator_user: User) -> None:
    request_id, wanted = uuid.uuid4(), Wanted(cron=QUARTERS)
    first, second = (
        schedule_create(actor=operator_user, slug="first-light", wanted=wanted, request_id=request_id) for _ in range(2)
    )
    assert first == second
    assert RunSchedule.objects.count() == 1
    with pytest.raises(ActionError, match="already used for a schedule of First light"):
        schedule_create(actor=operator_user, slug="flash-sale", wanted=wanted, request_id=request_id)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cron": "61 * * * *"}, "cron: Invalid minute '61'"),
        ({"cron": ""}, "cron, at: Neither"),
        ({"cron": QUARTERS, "at": NOON + MINUTE}, "cron, at: Both"),
        ({"at": NOON}, "at: 2026-11-24 12:00:00 UTC is in the past"),
        ({"at": datetime(2026, 12, 1)}, "at: The time zone is missing"),  # noqa: DTZ001
        ({"at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, "at: The year 9999 is too far"),
        ({"cron": QUARTERS, "seed": -1}, "seed: Invalid value -1"),
        ({"cron": QUARTERS, "seed": 2**63}, "seed: Invalid value 9223372036854775808"),
    ],
)
def test_what_can_not_be_is_said_and_nothing_is_kept(operator_user: User, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        _made(operator_user, **wrong)
    assert refused.value.message.startswith(says)
    assert refused.value.remedy
    assert not RunSchedule.objects.exists()
    schedule = _made(operator_user)
    with pytest.raises(InvalidInputError):
        schedule_change(actor=operator_user, schedule_id=schedule.pk, wanted=Wanted(**wrong), now=NOON)
    schedule.refresh_from_db()
    assert schedule.cron == QUARTERS


def test_a_version_that_is_not_there(operator_user: User) -> None:
    with pytest.raises(NotFoundError):
        _made(operator_user, version=99)
    with pytest.raises(NotFoundError):
        schedule_pause(actor=operator_user, schedule_id=uuid.uuid4())


def test_only_an_operator_may(operator_user: User, viewer_user: User) -> None:
    schedule = _made(operator_user)
    acts: list[Any] = [
        lambda: _made(viewer_user),
        lambda: schedule_change(actor=viewer_user, schedule_id=schedule.pk, wanted=Wanted(cron=QUARTERS)),
        lambda: schedule_pause(actor=viewer_user, schedule_id=schedule.pk),
        lambda: schedule_resume(actor=viewer_user, schedule_id=schedule.pk),
        lambda: schedule_delete(actor=viewer_user, schedule_id=schedule.pk),
    ]
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    assert AuditEntry.objects.filter(actor=viewer_user, outcome=AuditEntry.Outcome.REFUSED).count() == 5
    assert RunSchedule.objects.get() == schedule


def test_what_is_due_starts_one_run_with_the_schedules_version_and_seed(
    operator_user: User, requests: Requests, django_capture_on_commit_callbacks: Any
) -> None:
    schedule = _made(operator_user, seed=5)
    assert schedules_start_due(NOON + 14 * MINUTE) == []
    with django_capture_on_commit_callbacks(execute=True):
        (run_id,) = schedules_start_due(NOON + 15 * MINUTE)
        assert schedules_start_due(NOON + 15 * MINUTE) == []
    run = ScenarioRun.objects.get()
    assert run.pk == run_id == schedule.run_id(NOON + 15 * MINUTE)
    assert (run.version, run.seed, run.requested_by, run.total) == (schedule.version, 5, operator_user, 60_000)
    assert run.tick.schedule == schedule
    assert requests.runs == [str(run.pk)]
    assert AuditEntry.objects.get(action="scenario.run").detail["schedule"] == str(schedule.pk)
    schedule.refresh_from_db()
    assert schedule.next_at == NOON + 30 * MINUTE


def test_a_time_asked_for_twice_is_the_same_run(operator_user: User) -> None:
    schedule = _made(operator_user)
    first = schedule_start_due(schedule.pk, NOON + 15 * MINUTE)
    # As if the row had been brought back, or the clock set back.
    RunSchedule.objects.filter(pk=schedule.pk).update(next_at=NOON + 15 * MINUTE)
    assert schedule_start_due(schedule.pk, NOON + 15 * MINUTE) == first
    # Even without the record of it, the run's id is that of the time.
    RunScheduleTick.objects.all().delete()
    ScenarioRun.objects.update(state=WorkState.SUCCEEDED)
    RunSchedule.objects.filter(pk=schedule.pk).update(next_at=NOON + 15 * MINUTE)
    again = schedule_start_due(schedule.pk, NOON + 15 * MINUTE)
    assert again is not None
    assert first is not None
    assert again.run_id == first.run_id
    assert ScenarioRun.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        RunScheduleTick.objects.create(schedule=schedule, at=again.at, outcome="missed", decided_at=NOON)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_look_at_the_same_moment_one_starts_it(operator_user: User) -> None:
    library_sync()
    schedule = _made(operator_user)
    together = Barrier(4)

    def look(_: int) -> list[uuid.UUID]:
        together.wait()
        try:
            return schedules_start_due(NOON + 15 * MINUTE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        started = [run_id for found in pool.map(look, range(4)) for run_id in found]
    assert started == [schedule.run_id(NOON + 15 * MINUTE)]
    assert ScenarioRun.objects.count() == RunScheduleTick.objects.count() == 1
    assert AuditEntry.objects.filter(action="scenario.run").count() == 1


def test_a_new_seed_each_time_is_new_and_the_same_for_the_same_time(operator_user: User) -> None:
    schedule = _made(operator_user)
    seeds = []
    for quarter in (1, 2, 3):
        tick = schedule_start_due(schedule.pk, NOON + 15 * quarter * MINUTE)
        assert tick is not None
        assert tick.run is not None
        seeds.append(tick.run.seed)
        _ends(tick.run)
    assert len(set(seeds)) == 3
    assert seeds == [schedule.run_id(NOON + 15 * quarter * MINUTE).int % 2**63 for quarter in (1, 2, 3)]


def test_a_time_that_comes_while_the_run_before_goes_on_is_skipped_and_says_for_whom(operator_user: User) -> None:
    schedule = _made(operator_user)
    first = schedule_start_due(schedule.pk, NOON + 15 * MINUTE)
    assert first is not None
    assert first.run is not None
    skipped = schedule_start_due(schedule.pk, NOON + 30 * MINUTE)
    assert skipped is not None
    assert (skipped.outcome, skipped.run, skipped.blocked_by) == (TickOutcome.SKIPPED, None, first.run)
    assert skipped.reason == "The previous run was still waiting."
    _ends(first.run)
    schedule_start_due(schedule.pk, NOON + 45 * MINUTE)
    assert _ticks(schedule) == [("12:15", "started", 1), ("12:30", "skipped", 1), ("12:45", "started", 1)]


def test_a_run_that_somebody_else_started_is_not_in_the_way(operator_user: User) -> None:
    mine, other = _made(operator_user), _made(operator_user)
    assert len(schedules_start_due(NOON + 15 * MINUTE)) == 2
    assert mine.ticks.get().run != other.ticks.get().run


def test_of_the_missed_times_the_newest_is_made_up_for_within_the_grace(operator_user: User) -> None:
    schedule = _made(operator_user)
    late = NOON + 60 * MINUTE + GRACE
    tick = schedule_start_due(schedule.pk, late)
    assert tick is not None
    assert (tick.at, tick.outcome) == (NOON + 60 * MINUTE, TickOutcome.STARTED)
    assert _ticks(schedule) == [("12:45", "missed", 3), ("13:00", "started", 1)]
    missed = schedule.ticks.get(outcome=TickOutcome.MISSED)
    assert (missed.first_at, missed.decided_at) == (NOON + 15 * MINUTE, late)
    assert "was down" in missed.reason
    schedule.refresh_from_db()
    assert schedule.next_at == NOON + 75 * MINUTE


def test_after_the_grace_nothing_is_made_up(operator_user: User) -> None:
    schedule = _made(operator_user)
    tick = schedule_start_due(schedule.pk, NOON + 60 * MINUTE + GRACE + timedelta(seconds=1))
    assert tick is not None
    assert (tick.at, tick.outcome, tick.count) == (NOON + 60 * MINUTE, TickOutcome.MISSED, 4)
    assert not ScenarioRun.objects.exists()


def test_a_month_without_the_installation_is_one_row(operator_user: User) -> None:
    schedule = _made(operator_user, cron="* * * * *")
    schedule_start_due(schedule.pk, NOON + timedelta(days=30))
    assert [(outcome, count) for _, outcome, count in _ticks(schedule)] == [("missed", 43_199), ("started", 1)]


def test_one_time_is_started_once_and_then_it_is_over(operator_user: User) -> None:
    at = timezone.now() + timedelta(seconds=5)
    schedule = _made(operator_user, at=at, now=timezone.now())
    assert schedules_start_due(at - timedelta(seconds=1)) == []
    assert len(schedules_start_due(at)) == 1
    assert schedules_start_due(at + MINUTE) == []
    schedule.refresh_from_db()
    assert schedule.next_at is None
    RunSchedule.objects.update(once_at=timezone.now() - MINUTE)
    assert RunSchedule.objects.get().standing == "over"


def test_a_missed_one_time_is_said(operator_user: User) -> None:
    schedule = _made(operator_user, at=NOON + MINUTE)
    assert schedules_start_due(NOON + 2 * MINUTE + GRACE) == []
    assert _ticks(schedule) == [("12:01", "missed", 1)]


def test_a_paused_schedule_starts_nothing_and_makes_up_for_nothing(operator_user: User) -> None:
    schedule = _made(operator_user)
    assert schedule_pause(actor=operator_user, schedule_id=schedule.pk).standing == "paused"
    assert schedules_start_due(NOON + 20 * MINUTE) == []
    resumed = schedule_resume(actor=operator_user, schedule_id=schedule.pk, now=NOON + 20 * MINUTE)
    assert (resumed.standing, resumed.next_at) == ("on", NOON + 30 * MINUTE)
    assert (
        schedule_resume(actor=operator_user, schedule_id=schedule.pk, now=NOON + 50 * MINUTE).next_at == resumed.next_at
    )
    schedules_start_due(NOON + 30 * MINUTE)
    assert _ticks(schedule) == [("12:30", "started", 1)]
    assert _made(operator_user, enabled=False).standing == "paused"


def test_a_time_that_passed_while_it_was_paused_can_not_be_resumed(operator_user: User) -> None:
    schedule = _made(operator_user, at=NOON + MINUTE)
    schedule_pause(actor=operator_user, schedule_id=schedule.pk)
    with pytest.raises(ActionError, match="The time of the schedule has passed"):
        schedule_resume(actor=operator_user, schedule_id=schedule.pk, now=NOON + 2 * MINUTE)


def test_a_change_takes_the_schedule_over_and_is_written_down(operator_user: User) -> None:
    schedule = _made(operator_user)
    other = User.objects.create_user("otto", role=Role.OPERATOR)
    wanted = Wanted(cron="0 18 * * *", seed=3)
    changed = schedule_change(actor=other, schedule_id=schedule.pk, wanted=wanted, now=NOON)
    assert (changed.next_at, changed.seed, changed.owner_name) == (NOON + 360 * MINUTE, 3, "otto")
    entry = AuditEntry.objects.get(action="schedule.change")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["cron"], entry.after["cron"]) == (QUARTERS, "0 18 * * *")
    assert (entry.before["owner"], entry.after["owner"]) == ("operator", "otto")
    once = schedule_change(actor=other, schedule_id=schedule.pk, wanted=Wanted(at=NOON + MINUTE), now=NOON)
    assert (once.cron, once.once_at, once.next_at) == ("", NOON + MINUTE, NOON + MINUTE)


def test_a_change_of_the_seed_loses_no_time_that_has_just_come(operator_user: User) -> None:
    schedule = _made(operator_user)
    just_after = NOON + 15 * MINUTE + timedelta(seconds=1)
    schedule_change(actor=operator_user, schedule_id=schedule.pk, wanted=Wanted(cron=QUARTERS, seed=9), now=just_after)
    tick = schedule_start_due(schedule.pk, just_after)
    assert tick is not None
    assert tick.run is not None
    assert (tick.at, tick.run.seed) == (NOON + 15 * MINUTE, 9)


def test_a_paused_schedule_stays_paused_when_it_is_changed(operator_user: User) -> None:
    schedule = _made(operator_user, enabled=False)
    changed = schedule_change(actor=operator_user, schedule_id=schedule.pk, wanted=Wanted(cron="0 18 * * *"), now=NOON)
    assert (changed.standing, changed.next_at) == ("paused", None)


@pytest.mark.parametrize("how", ["role", "inactive", "deleted"])
def test_whoever_may_no_longer_run_scenarios_has_none_run_in_their_name(operator_user: User, how: str) -> None:
    schedule = _made(operator_user)
    if how == "role":
        User.objects.filter(pk=operator_user.pk).update(role=Role.VIEWER)
    elif how == "inactive":
        User.objects.filter(pk=operator_user.pk).update(is_active=False)
    else:
        operator_user.delete()
    assert schedules_start_due(NOON + 15 * MINUTE) == []
    assert not ScenarioRun.objects.exists()
    assert _ticks(schedule) == [("12:15", "refused", 1)]
    schedule.refresh_from_db()
    assert (schedule.standing, schedule.next_at) == ("paused", None)
    said = {"role": "has the role viewer", "inactive": "is no longer active", "deleted": "was deleted"}
    assert schedule.paused_because.startswith("The owner operator ")
    assert said[how] in schedule.paused_because
    if how != "deleted":
        assert AuditEntry.objects.get(action="scenario.run").outcome == AuditEntry.Outcome.REFUSED
    # Nothing more happens until an operator takes it over.
    assert schedules_start_due(NOON + 30 * MINUTE) == []
    other = User.objects.create_user("otto", role=Role.OPERATOR)
    with pytest.raises(ActionError, match="become its owner"):
        schedule_resume(actor=other, schedule_id=schedule.pk, now=NOON + 30 * MINUTE)
    schedule_change(actor=other, schedule_id=schedule.pk, wanted=Wanted(cron=QUARTERS), now=NOON + 30 * MINUTE)
    (run_id,) = schedules_start_due(NOON + 45 * MINUTE)
    assert ScenarioRun.objects.get(pk=run_id).requested_by == other


def test_a_deleted_schedule_leaves_its_runs(operator_user: User) -> None:
    schedule = _made(operator_user)
    schedules_start_due(NOON + 15 * MINUTE)
    schedule_delete(actor=operator_user, schedule_id=schedule.pk)
    assert not RunSchedule.objects.exists()
    assert ScenarioRun.objects.count() == 1
    assert AuditEntry.objects.get(action="schedule.delete").detail["runs"] == 1


def test_one_that_fails_does_not_hold_the_others_up(operator_user: User) -> None:
    broken, good = _made(operator_user), _made(operator_user)
    RunSchedule.objects.filter(pk=broken.pk).update(cron="not a cron", next_at=NOON)
    (run_id,) = schedules_start_due(NOON + 15 * MINUTE)
    assert run_id == good.run_id(NOON + 15 * MINUTE)


def test_old_times_are_forgotten_but_those_with_a_run(operator_user: User) -> None:
    schedule = _made(operator_user)
    schedule_start_due(schedule.pk, NOON + 15 * MINUTE)
    schedule_start_due(schedule.pk, NOON + 30 * MINUTE)
    assert ticks_purge_expired(NOON + KEPT) == 0
    assert ticks_purge_expired(NOON + KEPT + 31 * MINUTE) == 1
    assert _ticks(schedule) == [("12:15", "started", 1)]


def test_beat_asks_for_it_and_the_task_does_it(operator_user: User) -> None:
    assert {tasks.start_scheduled.name, tasks.forget.name} <= set(PERIODIC)
    schedule = _made(operator_user, cron="* * * * *", now=timezone.now() - MINUTE)
    tasks.start_scheduled()
    assert schedule.ticks.get(outcome=TickOutcome.STARTED).run is not None
    tasks.forget()


def test_a_scenario_can_not_be_named_like_the_page_of_schedules(operator_user: User) -> None:
    with pytest.raises(InvalidInputError, match="name:"):
        scenario_save(actor=operator_user, text=DOCUMENT.replace("My own", "Schedules"))
