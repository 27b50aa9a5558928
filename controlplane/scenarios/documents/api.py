"""Scenarios and their documents in the REST API."""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from controlplane.accounts.models import User
from controlplane.accounts.requests import current_user
from controlplane.errors import InvalidInputError, NotFoundError
from controlplane.scenarios import selectors
from controlplane.scenarios.documents.presenters import as_yaml
from controlplane.scenarios.documents.services import scenario_clone, scenario_save
from controlplane.scenarios.generator import reading
from controlplane.scenarios.generator.bounded_yaml import MAX_DEPTH, json_text
from controlplane.scenarios.generator.document import DocumentError, json_schema
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.faults import FAULTS
from controlplane.scenarios.generator.preview import preview
from controlplane.scenarios.generator.thresholds import METRICS
from controlplane.scenarios.models import Scenario, ScenarioRun, ScenarioVersion
from controlplane.scenarios.schemas import (
    MOST_VERSIONS,
    CheckedOut,
    CloneIn,
    DocumentIn,
    FaultKindOut,
    MetricOut,
    ProblemOut,
    ScenarioDetail,
    ScenarioIn,
    ScenarioList,
    ScenarioOut,
    VersionList,
    VersionOut,
)
from controlplane.web.api_input import Cursor, Limit, Text, Whole
from controlplane.web.paging import LARGEST_PAGE, paginate

router = Router()


@router.get("/scenarios", response=ScenarioList, summary="List scenarios")
def scenario_list(request: HttpRequest, cursor: Cursor = None, limit: Limit = LARGEST_PAGE) -> ScenarioList:
    page = selectors.scenarios_page(cursor=cursor, size=limit)
    items = [_scenario(listed.scenario, listed.version, listed.runs) for listed in page.items]
    return ScenarioList(items=items, next=page.next)


@router.post("/scenarios", response={201: ScenarioDetail}, summary="Create a scenario or a new version")
def scenario_keep(request: HttpRequest, wanted: ScenarioIn) -> Status[ScenarioDetail]:
    version = scenario_save(actor=current_user(request), text=_text(wanted.document), slug=wanted.slug)
    return Status(201, _detail(version.scenario))


@router.get("/scenarios/{scenario:slug}", response=ScenarioDetail, summary="Get a scenario with its newest versions")
def scenario_read(request: HttpRequest, slug: Text) -> ScenarioDetail:
    return _detail(selectors.scenario_get(slug))


@router.get(
    "/scenarios/{scenario:slug}/versions", response=VersionList, summary="List the versions of a scenario, newest first"
)
def scenario_versions(
    request: HttpRequest,
    slug: Text,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST_VERSIONS, description="Rows per page.")] = MOST_VERSIONS,
) -> VersionList:
    rows = selectors.scenario_get(slug).versions.select_related("created_by")
    page = paginate(rows, order=("-number",), cursor=cursor, size=limit)
    return VersionList(items=[_version(version) for version in page.items], next=page.next)


@router.post("/scenarios/{scenario:slug}/clone", response={201: ScenarioDetail}, summary="Clone a scenario")
def scenario_copy(request: HttpRequest, slug: Text, wanted: CloneIn) -> Status[ScenarioDetail]:
    version = scenario_clone(actor=current_user(request), slug=slug, name=wanted.name, version=wanted.version)
    return Status(201, _detail(version.scenario))


@router.get(
    "/scenarios/{scenario:slug}/versions/{number}/document.yaml",
    summary="Get the document of a version as YAML",
    response=str,
)
def scenario_document(request: HttpRequest, slug: Text, number: Whole) -> HttpResponse:
    version = selectors.scenario_get(slug).versions.filter(number=number).first()
    if version is None:
        raise NotFoundError(f"Version {number} of scenario {slug} does not exist.", "Select one from the list.")
    return HttpResponse(as_yaml(version.content), content_type="application/yaml")


@router.get("/scenario-schema", summary="Get the JSON Schema of scenario documents", response=dict[str, Any])
def scenario_schema(request: HttpRequest) -> dict[str, Any]:
    return json_schema()


@router.get("/scenario-faults", summary="List fault kinds", response=list[FaultKindOut])
def fault_kinds(request: HttpRequest) -> list[FaultKindOut]:
    return [
        FaultKindOut(
            kind=fault.kind,
            says=fault.says,
            outcome=fault.outcome.value,
            reason=fault.reason,
            event_types=[name for number, name in enumerate(EVENT_TYPES) if number in fault.applies_to],
            delay_seconds=fault.delay_seconds,
        )
        for fault in FAULTS.values()
    ]


@router.get("/scenario-metrics", summary="List threshold metrics", response=list[MetricOut])
def metrics(request: HttpRequest) -> list[MetricOut]:
    return [
        MetricOut(metric=name, says=metric.says, unit=metric.unit, downstream=metric.downstream)
        for name, metric in METRICS.items()
    ]


@router.post("/scenario-preview", response=CheckedOut, summary="Validate a document and preview its run")
def scenario_preview(request: HttpRequest, wanted: DocumentIn) -> CheckedOut:
    try:
        document = reading.parse(_text(wanted.document))
    except DocumentError as error:
        problems = [ProblemOut(field=p.field, message=p.message, remedy=p.remedy) for p in error.problems]
        return CheckedOut(problems=problems, preview=None)
    return CheckedOut(problems=[], preview=preview(document, seed=wanted.seed).as_dict())


def _text(document: str | dict[str, Any]) -> str:
    if isinstance(document, str):
        return document
    try:
        return json_text(document)
    except RecursionError:
        raise InvalidInputError("document: Nested too deeply.", f"Nest at most {MAX_DEPTH} levels.") from None


def _scenario(row: Scenario, version: ScenarioVersion, runs: int) -> ScenarioOut:
    return ScenarioOut(
        slug=row.slug,
        name=row.name,
        description=row.description,
        teaches=row.teaches,
        builtin=row.builtin,
        created_by=_name(row.created_by),
        runs=runs,
        version=version.number,
    )


def _detail(row: Scenario) -> ScenarioDetail:
    versions = list(row.versions.select_related("created_by").order_by("-number")[:MOST_VERSIONS])
    runs = ScenarioRun.objects.filter(version__scenario=row).count()
    return ScenarioDetail(
        **_scenario(row, versions[0], runs).model_dump(),
        versions=[_version(version) for version in versions],
        versions_in_all=row.versions.count(),
    )


def _version(version: ScenarioVersion) -> VersionOut:
    return VersionOut(
        number=version.number,
        digest=version.digest,
        created_at=version.created_at,
        created_by=_name(version.created_by),
        document=version.document,
    )


def _name(person: User | None) -> str:
    return person.get_username() if person else ""
