"""The operations of scenarios in the REST API."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from django.http import HttpRequest
from ninja import Header, Query, Router, Schema, Status
from pydantic import Field

from controlplane.accounts.requests import person_of
from controlplane.scenarios import selectors
from controlplane.scenarios.models import RunState, Scenario, ScenarioRun, ScenarioVersion
from controlplane.scenarios.services import LARGEST_SEED, scenario_run_start, scenario_run_stop, scenario_save

router = Router()

Key = Annotated[UUID | None, Header(alias="Idempotency-Key")]
Limit = Annotated[int, Query(ge=1, le=200)]


class VersionOut(Schema):
    number: int
    digest: str
    created_at: datetime
    document: dict[str, Any]


class ScenarioOut(Schema):
    slug: str
    name: str
    description: str
    teaches: str
    builtin: bool
    version: int = Field(description="The newest version's number.")


class ScenarioDetail(ScenarioOut):
    versions: list[VersionOut]


class ScenarioList(Schema):
    items: list[ScenarioOut]
    next: str | None = None


class ScenarioIn(Schema):
    document: str | dict[str, Any] = Field(description="The scenario: YAML or JSON text, or an object.")
    slug: str | None = Field(default=None, description="Add a version to this scenario instead of making one.")


class RunIn(Schema):
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = Field(
        default=None, description="By default the document's."
    )
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="By default the newest.")


class RunOut(Schema):
    """One run. `truth` is complete once the run has ended."""

    id: UUID
    scenario: str
    version: int
    seed: int
    state: RunState
    message: str
    anchor: datetime | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    attempts: int
    total: int
    generated: int
    acknowledged: int
    failed: int
    found: int = Field(description="Of the acknowledged: in the topic already when the run was taken up again.")
    sent_twice: int
    rate: float
    target_rate: float
    by_type: dict[str, int]
    faults: dict[str, int]
    errors: dict[str, int]
    truth: dict[str, Any]
    digest: str


class RunList(Schema):
    items: list[RunOut]
    next: str | None


@router.get("/scenarios", response=ScenarioList, summary="Every scenario")
def scenario_list(request: HttpRequest) -> ScenarioList:
    return ScenarioList(items=[_scenario(row, version) for row, version, _ in selectors.scenarios()])


@router.post("/scenarios", response={201: ScenarioDetail}, summary="Keep a scenario, or a version of one")
def scenario_keep(request: HttpRequest, wanted: ScenarioIn) -> Status[ScenarioDetail]:
    text = wanted.document if isinstance(wanted.document, str) else orjson.dumps(wanted.document).decode()
    version = scenario_save(actor=person_of(request), text=text, slug=wanted.slug)
    return Status(201, _detail(version.scenario))


@router.get("/scenarios/{slug}", response=ScenarioDetail, summary="One scenario with all its versions")
def scenario_read(request: HttpRequest, slug: str) -> ScenarioDetail:
    return _detail(selectors.scenario_get(slug))


@router.post("/scenarios/{slug}/runs", response={201: RunOut}, summary="Run a scenario")
def scenario_run(request: HttpRequest, slug: str, wanted: RunIn | None = None, key: Key = None) -> Status[RunOut]:
    wanted = wanted or RunIn()
    run = scenario_run_start(
        actor=person_of(request), slug=slug, seed=wanted.seed, version=wanted.version, request_id=key or uuid4()
    )
    return Status(201, _run(run))


@router.get("/scenario-runs", response=RunList, summary="Runs, newest first")
def run_list(
    request: HttpRequest,
    scenario: str | None = None,
    state: RunState | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> RunList:
    page = selectors.runs(slug=scenario, state=state, cursor=cursor, size=limit)
    return RunList(items=[_run(run) for run in page.items], next=page.next)


@router.get("/scenario-runs/{run_id}", response=RunOut, summary="One run")
def run_read(request: HttpRequest, run_id: UUID) -> RunOut:
    return _run(selectors.run_get(run_id))


@router.post("/scenario-runs/{run_id}/stop", response=RunOut, summary="Stop a run")
def run_stop(request: HttpRequest, run_id: UUID) -> RunOut:
    return _run(scenario_run_stop(actor=person_of(request), run_id=run_id))


def _scenario(row: Scenario, version: ScenarioVersion) -> ScenarioOut:
    return ScenarioOut(
        slug=row.slug,
        name=row.name,
        description=row.description,
        teaches=row.teaches,
        builtin=row.builtin,
        version=version.number,
    )


def _detail(row: Scenario) -> ScenarioDetail:
    versions = list(row.versions.all())
    return ScenarioDetail(
        **_scenario(row, versions[0]).model_dump(),
        versions=[VersionOut.model_validate(version, from_attributes=True) for version in versions],
    )


def _run(run: ScenarioRun) -> RunOut:
    own = {
        name: getattr(run, name) for name in RunOut.model_fields if name not in ("scenario", "version", "requested_by")
    }
    return RunOut(
        **own, scenario=run.version.scenario.slug, version=run.version.number, requested_by=run.requested_by_name
    )
