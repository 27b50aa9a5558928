"""Giving a scenario a schedule, changing it, pausing it, and taking it away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import Act, acting
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.scenarios import selectors
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import ScenarioVersion
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.times import FARTHEST, Cron, Once, cron_text

# What to do about a schedule that may not run in its owner's name any more.
TAKE_OVER = "An operator who saves the schedule takes it over."


@dataclass(frozen=True)
class Wanted:
    """What a schedule is to be: `cron` (UTC) or `at`; `seed` None is a new one each time; `version` None the newest."""

    cron: str = ""
    at: datetime | None = None
    seed: int | None = None
    version: int | None = None


def schedule_create(
    *, actor: User, slug: str, wanted: Wanted, enabled: bool = True, request_id: UUID, now: datetime | None = None
) -> RunSchedule:
    """Let a scenario run by itself, in the actor's name. The same request twice is the same schedule.

    Raises:
        NotFoundError: there is no such scenario or version.
        InvalidInputError: when or with which seed can't be; the message names the field.
        ActionError: the request's id belongs to another scenario's schedule.
    """
    now = now or timezone.now()
    with acting(actor=actor, action="schedule.create", target=slug) as act:
        version = selectors.version_get(slug, wanted.version)
        known = RunSchedule.objects.select_related("version__scenario").filter(pk=request_id).first()
        if known is not None:
            if known.version.scenario_id != version.scenario_id:
                raise ActionError(f"The request {request_id} has made a schedule of {known.version}.", "Use a new id.")
            act.detail.update({"id": str(known.pk), "repeated": True})
            return known
        with transaction.atomic():
            schedule = RunSchedule(pk=request_id)
            _fill(schedule, actor, version, _checked(wanted, now), enabled=enabled, now=now)
            # Somebody who sends the form twice at the same moment has made one.
            RunSchedule.objects.bulk_create([schedule], ignore_conflicts=True)
        act.detail["id"] = str(schedule.pk)
        act.changed(None, _said(schedule))
    return RunSchedule.objects.select_related("version__scenario").get(pk=request_id)


def schedule_change(*, actor: User, schedule_id: UUID, wanted: Wanted, now: datetime | None = None) -> RunSchedule:
    """Change when, with which seed and which version it runs. From then on it runs in the actor's name; if it had
    paused itself, it goes on.

    Raises:
        NotFoundError: there is no such schedule or version.
        InvalidInputError: when or with which seed can't be; the message names the field.
    """
    now = now or timezone.now()
    with _changed(actor, "schedule.change", schedule_id) as (schedule, act):
        before = _said(schedule)
        version = selectors.version_get(schedule.version.scenario.slug, wanted.version)
        enabled = schedule.enabled or bool(schedule.paused_because)
        _fill(schedule, actor, version, _checked(wanted, now), enabled=enabled, now=now)
        schedule.save()
        act.changed(before, _said(schedule))
    return schedule


def schedule_pause(*, actor: User, schedule_id: UUID) -> RunSchedule:
    """Let it start nothing until it is resumed; what it has started goes on. Times that pass meanwhile are not made up.

    Raises:
        NotFoundError: there is no such schedule.
    """
    with _changed(actor, "schedule.pause", schedule_id) as (schedule, act):
        before = _said(schedule)
        schedule.enabled, schedule.next_at = False, None
        schedule.save(update_fields=["enabled", "next_at", "changed_at"])
        act.changed(before, _said(schedule))
    return schedule


def schedule_resume(*, actor: User, schedule_id: UUID, now: datetime | None = None) -> RunSchedule:
    """Let it start runs again, from its next time on.

    Raises:
        NotFoundError: there is no such schedule.
        ActionError: its one time has passed, or it paused itself and has to be saved first.
    """
    now = now or timezone.now()
    with _changed(actor, "schedule.resume", schedule_id) as (schedule, act):
        before = _said(schedule)
        if schedule.enabled:
            return schedule
        if schedule.paused_because:
            raise ActionError(schedule.paused_because, "Change it and save it.")
        if schedule.over_at(now):
            raise ActionError("Its time has passed.", "Change it to a time to come.")
        schedule.enabled, schedule.next_at = True, next(schedule.times.after(now))
        schedule.save(update_fields=["enabled", "next_at", "changed_at"])
        act.changed(before, _said(schedule))
    return schedule


def schedules_pause_of(person: User) -> int:
    """Pause the schedules that run in the name of a person who is deactivated; gives how many. An operator who saves
    one takes it over; activating the person again resumes none."""
    because = f"{person.get_username()}, in whose name it ran, was deactivated. {TAKE_OVER}"
    running = RunSchedule.objects.select_for_update().filter(owner=person, enabled=True).order_by("pk")
    ids = list(running.values_list("pk", flat=True))
    return RunSchedule.objects.filter(pk__in=ids).update(
        enabled=False, next_at=None, paused_because=because, changed_at=timezone.now()
    )


def schedule_delete(*, actor: User, schedule_id: UUID) -> None:
    """Take a schedule away, with its record of times. The runs that it started stay.

    Raises:
        NotFoundError: there is no such schedule.
    """
    with _changed(actor, "schedule.delete", schedule_id) as (schedule, act):
        act.detail["runs"] = schedule.ticks.exclude(run=None).count()
        act.changed(_said(schedule), None)
        schedule.delete()


def _checked(wanted: Wanted, now: datetime) -> Wanted:
    """What can be.

    Raises:
        InvalidInputError: the message names the field.
    """
    if bool(wanted.cron.strip()) == (wanted.at is not None):
        which = "both are given" if wanted.at is not None else "neither is given"
        raise InvalidInputError(f"cron, at: {which}.", "Give a cron expression to repeat it, or one time.")
    if wanted.seed is not None and not 0 <= wanted.seed <= LARGEST_SEED:
        raise InvalidInputError(f"seed: is {wanted.seed}.", f"Write a whole number from 0 to {LARGEST_SEED}.")
    if wanted.at is None:
        return Wanted(cron_text(wanted.cron), None, wanted.seed, wanted.version)
    if wanted.at.tzinfo is None:
        raise InvalidInputError("at: has no time zone.", "Add one, for example 2026-12-01T06:00:00Z.")
    if wanted.at <= now:
        raise InvalidInputError(f"at: {wanted.at:%Y-%m-%d %H:%M:%S %Z} has passed.", "Choose a time to come.")
    if wanted.at > now + FARTHEST:
        raise InvalidInputError(f"at: the year {wanted.at.year} is too far ahead.", "Choose one of the next ten years.")
    return Wanted("", wanted.at.astimezone(UTC), wanted.seed, wanted.version)


def _fill(
    schedule: RunSchedule, actor: User, version: ScenarioVersion, wanted: Wanted, *, enabled: bool, now: datetime
) -> None:
    same = (schedule.cron, schedule.once_at) == (wanted.cron, wanted.at) and schedule.enabled
    times = Cron.parse(wanted.cron) if wanted.at is None else Once(wanted.at)
    schedule.version, schedule.seed, schedule.cron, schedule.once_at = version, wanted.seed, wanted.cron, wanted.at
    schedule.owner, schedule.owner_name = actor, actor.get_username()
    schedule.paused_because = ""
    # A time that has just come and is about to be dealt with is not lost over another seed.
    if not (same and schedule.next_at is not None):
        schedule.next_at = next(times.after(now), None) if enabled else None
    schedule.enabled = enabled


def _said(schedule: RunSchedule) -> dict[str, Any]:
    """For the audit row."""
    return {
        "version": schedule.version.number,
        "cron": schedule.cron,
        "at": schedule.once_at.isoformat() if schedule.once_at else "",
        "seed": "new each time" if schedule.seed is None else schedule.seed,
        "owner": schedule.owner_name,
        "enabled": schedule.enabled,
        "next_at": schedule.next_at,
    }


@contextmanager
def _changed(actor: User, action: str, schedule_id: UUID) -> Iterator[tuple[RunSchedule, Act]]:
    """The schedule, locked, and the audited action."""
    with acting(actor=actor, action=action, target=str(schedule_id)) as act, transaction.atomic():
        schedules = RunSchedule.objects.select_for_update(of=("self",)).select_related("version__scenario")
        found = schedules.filter(pk=schedule_id).first()
        if found is None:
            raise NotFoundError(f"There is no schedule {schedule_id}.", "Choose one from the list.")
        act.target = f"{found.version.scenario.slug} {found.pk}"
        act.detail["id"] = str(found.pk)
        yield found, act
