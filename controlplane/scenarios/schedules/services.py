"""Creating, updating, pausing, resuming and deleting schedules."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import AuditedAction, audited
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.scenarios import selectors
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.models import ScenarioVersion
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.times import FARTHEST, Cron, Once, cron_text

# The remedy for a schedule whose owner may no longer run scenarios.
TAKE_OVER = "To become its owner, an operator can save the schedule."


@dataclass(frozen=True)
class Wanted:
    """The definition of a schedule: `cron` (UTC) or `at`. Seed None: new for each run. Version None: the newest."""

    cron: str = ""
    at: datetime | None = None
    seed: int | None = None
    version: int | None = None


def schedule_create(
    *, actor: User, slug: str, wanted: Wanted, enabled: bool = True, request_id: UUID, now: datetime | None = None
) -> RunSchedule:
    """Create a schedule in the actor's name. Repeating the request returns the same schedule.

    Raises:
        NotFoundError: the scenario or version does not exist.
        InvalidInputError: the time or the seed is invalid; the message names the field.
        ActionError: the request ID belongs to a schedule of another scenario.
    """
    now = now or timezone.now()
    with audited(actor=actor, action="schedule.create", target=slug) as act:
        version = selectors.version_get(slug, wanted.version)
        known = RunSchedule.objects.select_related("version__scenario").filter(pk=request_id).first()
        if known is not None:
            if known.version.scenario_id != version.scenario_id:
                raise ActionError(
                    f"Request ID {request_id} was already used for a schedule of {known.version}.",
                    "Use a new request ID.",
                )
            act.detail.update({"id": str(known.pk), "repeated": True})
            return known
        with transaction.atomic():
            schedule = RunSchedule(pk=request_id)
            _fill(schedule, actor, version, _checked(wanted, now), enabled=enabled, now=now)
            # Two simultaneous submissions of a form create one schedule.
            RunSchedule.objects.bulk_create([schedule], ignore_conflicts=True)
        act.detail["id"] = str(schedule.pk)
        act.changed(None, _said(schedule))
    return RunSchedule.objects.select_related("version__scenario").get(pk=request_id)


def schedule_change(*, actor: User, schedule_id: UUID, wanted: Wanted, now: datetime | None = None) -> RunSchedule:
    """Change time, seed and version of a schedule. The actor becomes its owner; an automatic pause ends.

    Raises:
        NotFoundError: the schedule or version does not exist.
        InvalidInputError: the time or the seed is invalid; the message names the field.
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
    """Pause a schedule until it is resumed. Its running runs continue. Times that pass meanwhile are not caught up.

    Raises:
        NotFoundError: the schedule does not exist.
    """
    with _changed(actor, "schedule.pause", schedule_id) as (schedule, act):
        before = _said(schedule)
        schedule.enabled, schedule.next_at = False, None
        schedule.save(update_fields=["enabled", "next_at", "changed_at"])
        act.changed(before, _said(schedule))
    return schedule


def schedule_resume(*, actor: User, schedule_id: UUID, now: datetime | None = None) -> RunSchedule:
    """Resume a schedule from its next due time.

    Raises:
        NotFoundError: the schedule does not exist.
        ActionError: its only time has passed, or it was paused automatically and must be saved first.
    """
    now = now or timezone.now()
    with _changed(actor, "schedule.resume", schedule_id) as (schedule, act):
        before = _said(schedule)
        if schedule.enabled:
            return schedule
        if schedule.paused_because:
            raise ActionError(schedule.paused_because, "Edit and save it.")
        if schedule.over_at(now):
            raise ActionError("The time of the schedule has passed.", "Set a future time.")
        schedule.enabled, schedule.next_at = True, next(schedule.times.after(now))
        schedule.save(update_fields=["enabled", "next_at", "changed_at"])
        act.changed(before, _said(schedule))
    return schedule


def schedules_pause_of(person: User) -> int:
    """Pause the schedules of a user who is deactivated. Return their number. An operator who saves one becomes its
    owner. Activating the user again resumes none of them."""
    because = f"The owner {person.get_username()} was deactivated. {TAKE_OVER}"
    running = RunSchedule.objects.select_for_update().filter(owner=person, enabled=True).order_by("pk")
    ids = list(running.values_list("pk", flat=True))
    return RunSchedule.objects.filter(pk__in=ids).update(
        enabled=False, next_at=None, paused_because=because, changed_at=timezone.now()
    )


def schedule_delete(*, actor: User, schedule_id: UUID) -> None:
    """Delete a schedule and its history. The runs that it started are kept.

    Raises:
        NotFoundError: the schedule does not exist.
    """
    with _changed(actor, "schedule.delete", schedule_id) as (schedule, act):
        act.detail["runs"] = schedule.ticks.exclude(run=None).count()
        act.changed(_said(schedule), None)
        schedule.delete()


def _checked(wanted: Wanted, now: datetime) -> Wanted:
    """The validated and normalized definition.

    Raises:
        InvalidInputError: the message names the field.
    """
    if bool(wanted.cron.strip()) == (wanted.at is not None):
        which = "Both are set" if wanted.at is not None else "Neither is set"
        raise InvalidInputError(
            f"cron, at: {which}.", "Set a cron expression for recurring runs, or a time for a single run."
        )
    if wanted.seed is not None and not 0 <= wanted.seed <= LARGEST_SEED:
        raise InvalidInputError(
            f"seed: Invalid value {wanted.seed}.", f"Must be a whole number from 0 to {LARGEST_SEED}."
        )
    if wanted.at is None:
        return Wanted(cron_text(wanted.cron), None, wanted.seed, wanted.version)
    if wanted.at.tzinfo is None:
        raise InvalidInputError("at: The time zone is missing.", "Add one, for example 2026-12-01T06:00:00Z.")
    if wanted.at <= now:
        raise InvalidInputError(f"at: {wanted.at:%Y-%m-%d %H:%M:%S %Z} is in the past.", "Set a future time.")
    if wanted.at > now + FARTHEST:
        raise InvalidInputError(
            f"at: The year {wanted.at.year} is too far in the future.", "Set a time within the next ten years."
        )
    return Wanted("", wanted.at.astimezone(UTC), wanted.seed, wanted.version)


def _fill(
    schedule: RunSchedule, actor: User, version: ScenarioVersion, wanted: Wanted, *, enabled: bool, now: datetime
) -> None:
    same = (schedule.cron, schedule.once_at) == (wanted.cron, wanted.at) and schedule.enabled
    times = Cron.parse(wanted.cron) if wanted.at is None else Once(wanted.at)
    schedule.version, schedule.seed, schedule.cron, schedule.once_at = version, wanted.seed, wanted.cron, wanted.at
    schedule.owner, schedule.owner_name = actor, actor.get_username()
    schedule.paused_because = ""
    # A due time that is about to be processed is not lost when only the seed changes.
    if not (same and schedule.next_at is not None):
        schedule.next_at = next(times.after(now), None) if enabled else None
    schedule.enabled = enabled


def _said(schedule: RunSchedule) -> dict[str, Any]:
    """The schedule for the audit log."""
    return {
        "version": schedule.version.number,
        "cron": schedule.cron,
        "at": schedule.once_at.isoformat() if schedule.once_at else "",
        "seed": "new for each run" if schedule.seed is None else schedule.seed,
        "owner": schedule.owner_name,
        "enabled": schedule.enabled,
        "next_at": schedule.next_at,
    }


@contextmanager
def _changed(actor: User, action: str, schedule_id: UUID) -> Iterator[tuple[RunSchedule, AuditedAction]]:
    """The schedule, locked, and the audited action."""
    with audited(actor=actor, action=action, target=str(schedule_id)) as act, transaction.atomic():
        schedules = RunSchedule.objects.select_for_update(of=("self",)).select_related("version__scenario")
        found = schedules.filter(pk=schedule_id).first()
        if found is None:
            raise NotFoundError(f"Schedule {schedule_id} does not exist.", "Select one from the list.")
        act.target = f"{found.version.scenario.slug} {found.pk}"
        act.detail["id"] = str(found.pk)
        yield found, act
