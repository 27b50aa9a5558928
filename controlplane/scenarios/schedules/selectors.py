"""Queries of schedules for pages and the API. Database rows only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.errors import NotFoundError
from controlplane.scenarios.schedules.models import RunSchedule, RunScheduleTick
from controlplane.scenarios.schedules.times import upcoming
from controlplane.web.paging import Page, paginate

STANDINGS = ("on", "paused", "over")


@dataclass(frozen=True)
class Shown:
    """A schedule with the outcome of its newest due time."""

    schedule: RunSchedule
    last: RunScheduleTick | None


def schedules(
    *, slug: str | None = None, standing: str | None = None, cursor: str | None = None, size: int = 50
) -> Page[RunSchedule]:
    """A page of schedules, the newest first; `standing` is one of STANDINGS.

    Raises:
        InvalidInputError: the cursor belongs to another list.
    """
    rows = _schedules()
    if slug:
        rows = rows.filter(version__scenario__slug=slug)
    if standing in STANDINGS:
        over = Q(next_at=None, once_at__lte=timezone.now())
        rows = rows.filter(over if standing == "over" else Q(enabled=standing == "on") & ~over)
    return paginate(rows, order=("-created_at", "-id"), cursor=cursor, size=size)


def with_last(rows: list[RunSchedule]) -> list[Shown]:
    """Each schedule with the outcome of its newest due time."""
    newest = _ticks().filter(schedule__in=rows).order_by("schedule_id", "-at").distinct("schedule_id")
    last = {tick.schedule_id: tick for tick in newest}
    return [Shown(row, last.get(row.pk)) for row in rows]


def schedule_get(schedule_id: UUID) -> RunSchedule:
    """The schedule of that id.

    Raises:
        NotFoundError: it does not exist.
    """
    found = _schedules().filter(pk=schedule_id).first()
    if found is None:
        raise NotFoundError(f"Schedule {schedule_id} does not exist.", "Select one from the list.")
    return found


def next_times(schedule: RunSchedule, now: datetime | None = None, count: int = 3) -> list[datetime]:
    """The next due times; empty while it is paused."""
    return upcoming(schedule.times, now or timezone.now(), count) if schedule.enabled else []


def ticks(
    schedule: RunSchedule, *, outcome: str | None = None, cursor: str | None = None, size: int = 50
) -> Page[RunScheduleTick]:
    """A page of the history of a schedule, newest first.

    Raises:
        InvalidInputError: the cursor belongs to another list.
    """
    rows = _ticks().filter(schedule=schedule)
    if outcome:
        rows = rows.filter(outcome=outcome)
    return paginate(rows, order=("-at", "-id"), cursor=cursor, size=size)


def _schedules() -> QuerySet[RunSchedule]:
    return RunSchedule.objects.select_related("version__scenario", "owner__service_owner").defer("version__document")


def _ticks() -> QuerySet[RunScheduleTick]:
    return RunScheduleTick.objects.select_related("run", "blocked_by").defer(
        "run__undelivered", "blocked_by__undelivered"
    )
