"""Runs of scenarios in the REST API."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from django.http import HttpRequest
from ninja import Header, Query, Router, Status
from pydantic import Field

from controlplane.accounts.requests import current_user
from controlplane.errors import InvalidInputError
from controlplane.leases import WorkState
from controlplane.scenarios import selectors
from controlplane.scenarios.generator.faults import FAULTS
from controlplane.scenarios.runs.comparison import run_report, runs_compared
from controlplane.scenarios.runs.queue import line_now
from controlplane.scenarios.runs.services import scenario_run_start, scenario_run_stop
from controlplane.scenarios.runs.steering import (
    scenario_run_pause,
    scenario_run_replay,
    scenario_run_resume,
    scenario_run_speed,
)
from controlplane.scenarios.schemas import FaultList, FaultOut, RunIn, RunList, RunOut, SpeedIn, run_out
from controlplane.web.api_input import LARGEST_WHOLE, Cursor, Limit, Text
from controlplane.web.filters import ListQuery

router = Router()

_Kind = Annotated[str, Field(json_schema_extra={"enum": list(FAULTS)})] | None
Key = Annotated[UUID | None, Header(alias="Idempotency-Key")]


@router.post("/scenarios/{scenario:slug}/runs", response={201: RunOut}, summary="Run a scenario")
def scenario_run(request: HttpRequest, slug: Text, wanted: RunIn | None = None, key: Key = None) -> Status[RunOut]:
    wanted = wanted or RunIn()
    run = scenario_run_start(
        actor=current_user(request), slug=slug, seed=wanted.seed, version=wanted.version, request_id=key or uuid4()
    )
    return Status(201, run_out(run))


@router.get("/scenario-runs", response=RunList, summary="List runs, newest first")
def run_list(
    request: HttpRequest,
    asked: Query[ListQuery],
    scenario: Text | None = None,
    state: WorkState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RunList:
    wanted = asked.list_filter(current_user(request))
    page = selectors.runs(slug=scenario, state=state, wanted=wanted, cursor=cursor, size=limit)
    line = line_now()
    return RunList(items=[run_out(run, line) for run in page.items], next=page.next)


@router.get("/scenario-runs/{run_id}", response=RunOut, summary="Get a run")
def run_read(request: HttpRequest, run_id: UUID) -> RunOut:
    return run_out(selectors.run_get(run_id))


@router.post("/scenario-runs/{run_id}/stop", response=RunOut, summary="Stop a run")
def run_stop(request: HttpRequest, run_id: UUID) -> RunOut:
    return run_out(scenario_run_stop(actor=current_user(request), run_id=run_id))


@router.post("/scenario-runs/{run_id}/pause", response=RunOut, summary="Pause a run")
def run_pause(request: HttpRequest, run_id: UUID) -> RunOut:
    return run_out(scenario_run_pause(actor=current_user(request), run_id=run_id))


@router.post("/scenario-runs/{run_id}/resume", response=RunOut, summary="Resume a paused run")
def run_resume(request: HttpRequest, run_id: UUID) -> RunOut:
    return run_out(scenario_run_resume(actor=current_user(request), run_id=run_id))


@router.post("/scenario-runs/{run_id}/speed", response=RunOut, summary="Set the speed of a run")
def run_speed(request: HttpRequest, run_id: UUID, wanted: SpeedIn) -> RunOut:
    run = scenario_run_speed(
        actor=current_user(request), run_id=run_id, speed=wanted.speed, events_per_second=wanted.events_per_second
    )
    return run_out(run)


@router.post(
    "/scenario-runs/{run_id}/replay",
    response={201: RunOut},
    summary="Replay a run byte for byte, verified by its digest",
)
def run_replay(request: HttpRequest, run_id: UUID, key: Key = None) -> Status[RunOut]:
    run = scenario_run_replay(actor=current_user(request), run_id=run_id, request_id=key or uuid4())
    return Status(201, run_out(run))


@router.get("/scenario-runs/{run_id}/faults", response=FaultList, summary="List the injected faults of a run by record")
def run_faults(
    request: HttpRequest,
    run_id: UUID,
    kind: _Kind = None,
    after: Annotated[int, Query(ge=-1, le=LARGEST_WHOLE)] = -1,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> FaultList:
    if kind is not None and kind not in FAULTS:
        raise InvalidInputError(f"kind: Unknown value {kind!r}.", f"Allowed: {', '.join(FAULTS)}.")
    found = selectors.run_faults(selectors.run_get(run_id), kind=kind, after=after, size=limit)
    items = [FaultOut(sequence=sequence, kind=name) for sequence, name in found]
    return FaultList(items=items, next=items[-1].sequence if len(items) == limit else None)


@router.get("/scenario-runs/{run_id}/report", response=dict[str, Any], summary="Get the full report of a run")
def run_as_report(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    return run_report(selectors.run_get(run_id))


@router.get("/scenario-runs/{run_id}/compare/{other_id}", response=dict[str, Any], summary="Compare two runs")
def run_compare(request: HttpRequest, run_id: UUID, other_id: UUID) -> dict[str, Any]:
    return runs_compared(selectors.run_get(run_id), selectors.run_get(other_id))
