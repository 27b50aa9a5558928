"""Schedules of runs in the REST API."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID, uuid4

from django.http import HttpRequest
from ninja import Header, Router, Schema, Status
from pydantic import ConfigDict, Field

from controlplane.accounts.requests import current_user
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.schedules import selectors
from controlplane.scenarios.schedules.models import RunSchedule, RunScheduleTick, TickOutcome
from controlplane.scenarios.schedules.services import (
    Wanted,
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_pause,
    schedule_resume,
)
from controlplane.scenarios.schedules.times import LONGEST_CRON
from controlplane.web.api_input import Body, Cursor, Limit, Text

router = Router()

Key = Annotated[UUID | None, Header(alias="Idempotency-Key")]
Standing = Literal["on", "paused", "over"]


_REPEATED: dict[str, Any] = {"required": ["cron"], "properties": {"cron": {"pattern": r"\S"}, "at": {"type": "null"}}}
_ONCE: dict[str, Any] = {"required": ["at"], "properties": {"at": {"type": "string"}, "cron": {"const": ""}}}


class ScheduleIn(Body):
    """Either `cron` or `at` is required."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_REPEATED, _ONCE]})

    cron: str = Field(
        default="",
        json_schema_extra={"maxLength": LONGEST_CRON},
        description="Cron expression in UTC. Restrict either the day of month or the day of week, not both.",
    )
    at: datetime | None = Field(default=None, description="Time of a single run, with a time zone.")
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        default=None, description="Null: a new seed for each run."
    )
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Default: the newest version.")

    @property
    def wanted(self) -> Wanted:
        return Wanted(cron=self.cron, at=self.at, seed=self.seed, version=self.version)


class NewScheduleIn(ScheduleIn):
    enabled: bool = Field(default=True, description="False creates the schedule paused.")


class ScheduleOut(Schema):
    id: UUID
    scenario: str
    version: int
    cron: str
    at: datetime | None
    seed: int | None = Field(description="Null: a new seed for each run.")
    standing: Standing
    paused_because: str = Field(description="Reason of an automatic pause; empty otherwise.")
    next: list[datetime] = Field(description="Next three due times; empty while paused.")
    owner: str = Field(description="User in whose name the runs are requested.")
    created_at: datetime
    changed_at: datetime


class ScheduleList(Schema):
    items: list[ScheduleOut]
    next: str | None


class TickOut(Schema):
    """One due time. If `count` is greater than 1, the last of that many consecutive missed times since `first_at`."""

    at: datetime
    outcome: TickOutcome
    reason: str
    run: UUID | None = Field(description="The started run.")
    blocked_by: UUID | None = Field(description="The run that was still in progress.")
    count: int
    first_at: datetime | None


class TickList(Schema):
    items: list[TickOut]
    next: str | None


@router.post("/scenarios/{scenario:slug}/schedules", response={201: ScheduleOut}, summary="Create a schedule")
def schedule_make(request: HttpRequest, slug: Text, wanted: NewScheduleIn, key: Key = None) -> Status[ScheduleOut]:
    made = schedule_create(
        actor=current_user(request), slug=slug, wanted=wanted.wanted, enabled=wanted.enabled, request_id=key or uuid4()
    )
    return Status(201, _out(made))


@router.get("/scenario-schedules", response=ScheduleList, summary="List schedules, newest first")
def schedule_list(
    request: HttpRequest,
    scenario: Text | None = None,
    standing: Standing | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ScheduleList:
    page = selectors.schedules(slug=scenario, standing=standing, cursor=cursor, size=limit)
    return ScheduleList(items=[_out(row) for row in page.items], next=page.next)


@router.get("/scenario-schedules/{schedule_id}", response=ScheduleOut, summary="Get a schedule")
def schedule_read(request: HttpRequest, schedule_id: UUID) -> ScheduleOut:
    return _out(selectors.schedule_get(schedule_id))


@router.put("/scenario-schedules/{schedule_id}", response=ScheduleOut, summary="Update a schedule and become its owner")
def schedule_put(request: HttpRequest, schedule_id: UUID, wanted: ScheduleIn) -> ScheduleOut:
    return _out(schedule_change(actor=current_user(request), schedule_id=schedule_id, wanted=wanted.wanted))


@router.post("/scenario-schedules/{schedule_id}/pause", response=ScheduleOut, summary="Pause a schedule")
def schedule_rest(request: HttpRequest, schedule_id: UUID) -> ScheduleOut:
    return _out(schedule_pause(actor=current_user(request), schedule_id=schedule_id))


@router.post("/scenario-schedules/{schedule_id}/resume", response=ScheduleOut, summary="Resume a schedule")
def schedule_go_on(request: HttpRequest, schedule_id: UUID) -> ScheduleOut:
    return _out(schedule_resume(actor=current_user(request), schedule_id=schedule_id))


@router.delete(
    "/scenario-schedules/{schedule_id}", response={204: None}, summary="Delete a schedule; its runs are kept"
)
def schedule_remove(request: HttpRequest, schedule_id: UUID) -> Status[None]:
    schedule_delete(actor=current_user(request), schedule_id=schedule_id)
    return Status(204, None)


@router.get("/scenario-schedules/{schedule_id}/ticks", response=TickList, summary="List the history of a schedule")
def schedule_ticks(
    request: HttpRequest,
    schedule_id: UUID,
    outcome: TickOutcome | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TickList:
    found = selectors.schedule_get(schedule_id)
    page = selectors.ticks(found, outcome=outcome, cursor=cursor, size=limit)
    return TickList(items=[_tick(row) for row in page.items], next=page.next)


def _out(row: RunSchedule) -> ScheduleOut:
    return ScheduleOut(
        id=row.pk,
        scenario=row.version.scenario.slug,
        version=row.version.number,
        cron=row.cron,
        at=row.once_at,
        seed=row.seed,
        standing=cast(Standing, row.standing),
        paused_because=row.paused_because,
        next=selectors.next_times(row),
        owner=row.owner_name,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _tick(row: RunScheduleTick) -> TickOut:
    return TickOut(
        at=row.at,
        outcome=TickOutcome(row.outcome),
        reason=row.reason,
        run=row.run_id,
        blocked_by=row.blocked_by_id,
        count=row.count,
        first_at=row.first_at,
    )
