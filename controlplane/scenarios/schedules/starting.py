"""Starting what is due, once: each time of a schedule ends in one row, whoever looks and however often."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from controlplane.accounts.models import User
from controlplane.errors import ActionError
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import UNDER_WAY, ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.schedules.models import RunSchedule, RunScheduleTick, TickOutcome
from controlplane.scenarios.schedules.services import TAKE_OVER

log = logging.getLogger(__name__)

# A time that nobody looked at when it came is made up for this long, and only the newest one.
GRACE = timedelta(minutes=10)
# What was skipped or missed longer ago is forgotten; what was started stays with its run.
KEPT = timedelta(days=90)


def schedules_start_due(now: datetime) -> list[UUID]:
    """Start the runs that are due; gives their ids. A schedule that fails does not hold the others up."""
    started = []
    due = RunSchedule.objects.filter(enabled=True, next_at__lte=now).order_by("next_at")
    for schedule_id in due.values_list("pk", flat=True):
        try:
            tick = schedule_start_due(schedule_id, now)
        except Exception:
            log.exception("schedule %s could not be looked at", schedule_id)
            continue
        if tick is not None and tick.run_id is not None:
            started.append(tick.run_id)
    return started


def schedule_start_due(schedule_id: UUID, now: datetime) -> RunScheduleTick | None:
    """Deal with the times of a schedule that have come: start the newest one, or write down why not.

    Gives what became of the newest time; None when none has come, or it is paused.
    """
    with transaction.atomic():
        schedules = RunSchedule.objects.select_for_update(of=("self",)).select_related("version__scenario", "owner")
        schedule = schedules.filter(pk=schedule_id, enabled=True, next_at__lte=now).first()
        if schedule is None:
            return None
        due = list(_due(schedule, now))
        newest = due[-1]
        late = now - newest > GRACE
        missed = due if late else due[:-1]
        schedule.next_at = next(schedule.times.after(now), None)
        schedule.save(update_fields=["next_at"])
        if missed:
            tick = _missed(schedule, missed, now)
        return tick if late else _started(schedule, newest, now)


def ticks_forget(now: datetime) -> int:
    """Drop the old times that started nothing; gives how many."""
    old = RunScheduleTick.objects.filter(run=None, decided_at__lt=now - KEPT)
    return old.delete()[0]


def _due(schedule: RunSchedule, now: datetime) -> Iterator[datetime]:
    """The times that have come and have not been dealt with: `next_at` and those after it."""
    assert schedule.next_at is not None
    yield schedule.next_at
    for at in schedule.times.after(schedule.next_at):
        if at > now:
            return
        yield at


def _missed(schedule: RunSchedule, missed: list[datetime], now: datetime) -> RunScheduleTick:
    log.warning("schedule %s: %d times were missed, the last at %s", schedule.pk, len(missed), missed[-1])
    return _tick(
        schedule, missed[-1], now, outcome=TickOutcome.MISSED, count=len(missed), first_at=missed[0],
        reason="Nobody looked at the clock then: the installation, its beat or its worker was down.",
    )  # fmt: skip


def _started(schedule: RunSchedule, at: datetime, now: datetime) -> RunScheduleTick:
    known = schedule.ticks.filter(at=at).first()
    if known is not None:
        return known
    going = ScenarioRun.objects.filter(tick__schedule=schedule, state__in=UNDER_WAY).order_by("requested_at").first()
    if going is not None:
        reason = f"The run before was still {going.state}."
        return _tick(schedule, at, now, outcome=TickOutcome.SKIPPED, reason=reason, blocked_by=going)
    if schedule.owner is None:
        return _refused(schedule, at, now, f"{schedule.owner_name}, in whose name it ran, is gone.")
    run_id = schedule.run_id(at)
    try:
        run = scenario_run_start(
            actor=schedule.owner,
            slug=schedule.version.scenario.slug,
            version=schedule.version.number,
            seed=run_id.int % (LARGEST_SEED + 1) if schedule.seed is None else schedule.seed,
            request_id=run_id,
            schedule_id=schedule.pk,
        )
    except PermissionDenied:
        return _refused(schedule, at, now, f"{schedule.owner_name}, in whose name it ran, {_status(schedule.owner)}.")
    except ActionError as error:
        return _refused(schedule, at, now, str(error))
    log.info("schedule %s: run %s of %s", schedule.pk, run.pk, at)
    return _tick(schedule, at, now, outcome=TickOutcome.STARTED, run=run)


def _status(owner: User) -> str:
    """Why nothing may run in this user's name."""
    if not owner.is_active:
        return "is no longer active"
    if owner.is_orphaned:
        return "is a service account without an active owner"
    return f"has the role {owner.effective_role}"


def _refused(schedule: RunSchedule, at: datetime, now: datetime, why: str) -> RunScheduleTick:
    """It would be refused every time, so it pauses itself until an operator has seen to it."""
    schedule.enabled, schedule.next_at = False, None
    schedule.paused_because = f"{why} {TAKE_OVER}"[:500]
    schedule.save(update_fields=["enabled", "next_at", "paused_because"])
    log.warning("schedule %s paused itself: %s", schedule.pk, why)
    return _tick(schedule, at, now, outcome=TickOutcome.REFUSED, reason=why[:500])


def _tick(schedule: RunSchedule, at: datetime, now: datetime, **what: object) -> RunScheduleTick:
    tick, _ = RunScheduleTick.objects.get_or_create(schedule=schedule, at=at, defaults={**what, "decided_at": now})
    return tick
