"""Starts due runs exactly once: each due time of a schedule results in one row."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from controlplane.accounts.models import User
from controlplane.errors import ActionError
from controlplane.leases import UNFINISHED
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.schedules.models import RunSchedule, RunScheduleTick, TickOutcome
from controlplane.scenarios.schedules.services import TAKE_OVER

log = logging.getLogger(__name__)

# The newest missed time is caught up within this duration.
GRACE = timedelta(minutes=10)
# Older skipped and missed times are deleted. Started ones stay with their run.
KEPT = timedelta(days=90)


def schedules_start_due(now: datetime) -> list[UUID]:
    """Start the due runs and return their IDs. A failing schedule does not block the others."""
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
    """Process the due times of a schedule: start the newest one, or store why not.

    Return the outcome of the newest due time; None if none is due or the schedule is paused.
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


def ticks_purge_expired(now: datetime) -> int:
    """Delete old times that started no run. Return their number."""
    old = RunScheduleTick.objects.filter(run=None, decided_at__lt=now - KEPT)
    return old.delete()[0]


def _due(schedule: RunSchedule, now: datetime) -> Iterator[datetime]:
    """The due times that are not processed: `next_at` and those after it."""
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
        reason="Scheduler not running: the installation, the service beat or the service worker was down.",
    )  # fmt: skip


def _started(schedule: RunSchedule, at: datetime, now: datetime) -> RunScheduleTick:
    known = schedule.ticks.filter(at=at).first()
    if known is not None:
        return known
    going = ScenarioRun.objects.filter(tick__schedule=schedule, state__in=UNFINISHED).order_by("requested_at").first()
    if going is not None:
        reason = f"The previous run was still {going.state}."
        return _tick(schedule, at, now, outcome=TickOutcome.SKIPPED, reason=reason, blocked_by=going)
    if schedule.owner is None:
        return _refused(schedule, at, now, f"The owner {schedule.owner_name} was deleted.")
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
        return _refused(schedule, at, now, f"The owner {schedule.owner_name} {_status(schedule.owner)}.")
    except ActionError as error:
        return _refused(schedule, at, now, str(error))
    log.info("schedule %s: run %s of %s", schedule.pk, run.pk, at)
    return _tick(schedule, at, now, outcome=TickOutcome.STARTED, run=run)


def _status(owner: User) -> str:
    """Why this user may not run scenarios."""
    if not owner.is_active:
        return "is no longer active"
    if owner.is_orphaned:
        return "is a service account without an active owner"
    return f"has the role {owner.effective_role}, which may not run scenarios"


def _refused(schedule: RunSchedule, at: datetime, now: datetime, why: str) -> RunScheduleTick:
    """Every further run would be refused, so the schedule is paused until an operator saves it."""
    schedule.enabled, schedule.next_at = False, None
    schedule.paused_because = f"{why} {TAKE_OVER}"[:500]
    schedule.save(update_fields=["enabled", "next_at", "paused_because"])
    log.warning("schedule %s paused itself: %s", schedule.pk, why)
    return _tick(schedule, at, now, outcome=TickOutcome.REFUSED, reason=why[:500])


def _tick(schedule: RunSchedule, at: datetime, now: datetime, **what: object) -> RunScheduleTick:
    tick, _ = RunScheduleTick.objects.get_or_create(schedule=schedule, at=at, defaults={**what, "decided_at": now})
    return tick
