"""Queries of scenarios and their runs, for pages, the API and other rooms. Database rows only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, Max, Q, QuerySet, Sum, When
from django.db.models.functions import Lower

from controlplane.errors import NotFoundError
from controlplane.leases import UNFINISHED
from controlplane.scenarios.documents.slugs import slug_of
from controlplane.scenarios.generator.faultlog import unpacked
from controlplane.scenarios.models import Scenario, ScenarioRun, ScenarioRunSample, ScenarioVersion
from controlplane.scenarios.runs.truth import RunTruth
from controlplane.web.filters import ALL, ListFilter
from controlplane.web.paging import Page, paginate


@dataclass(frozen=True)
class ListedScenario:
    """A scenario in the list: its newest version, and its number of runs."""

    scenario: Scenario
    version: ScenarioVersion
    runs: int


@dataclass(frozen=True)
class ScenarioPage:
    """One page of scenarios, with the interface of controlplane.web.paging's Page."""

    items: list[ListedScenario]
    next: str | None
    cursor: str | None


def scenarios_page(*, cursor: str | None = None, size: int = 50) -> ScenarioPage:
    """A page of scenarios. The recommended first scenario comes first, then the other built-in scenarios, then the rest
    by name.

    Raises:
        InvalidInputError: the cursor does not belong to this list.
    """
    group = Case(When(slug="first-light", then=0), When(builtin=True, then=1), default=2)
    rows = Scenario.objects.select_related("created_by").annotate(group=group, lower_name=Lower("name"))
    page = paginate(rows, order=("group", "lower_name", "id"), cursor=cursor, size=size)
    keys = [row.pk for row in page]
    newest = ScenarioVersion.objects.filter(scenario__in=keys).order_by("scenario_id", "-number")
    versions = {version.scenario_id: version for version in newest.distinct("scenario_id")}
    counted = Scenario.objects.filter(pk__in=keys).annotate(runs=Count("versions__runs")).values_list("pk", "runs")
    counts = dict(counted)
    items = [ListedScenario(row, versions[row.pk], counts.get(row.pk, 0)) for row in page if row.pk in versions]
    return ScenarioPage(items, page.next, page.cursor)


def scenario_choices(count: int) -> list[tuple[str, str]]:
    """Slug and name of the first scenarios by name."""
    return list(Scenario.objects.order_by("name").values_list("slug", "name")[:count])


def scenario_name(slug: str) -> str | None:
    """The name of a scenario; None if it does not exist."""
    return Scenario.objects.filter(slug=slug).values_list("name", flat=True).first()


def scenario_get(slug: str) -> Scenario:
    """The scenario of that slug.

    Raises:
        NotFoundError: it does not exist.
    """
    found = Scenario.objects.filter(slug=slug).first()
    if found is None:
        raise NotFoundError(f"Scenario {slug} does not exist.", "Select one from the list.")
    return found


def newest_version(slug: str) -> ScenarioVersion:
    """The newest version of the scenario of that slug.

    Raises:
        NotFoundError: it does not exist.
    """
    version = scenario_get(slug).versions.order_by("-number").first()
    assert version is not None, "a scenario is created with its first version"
    return version


def version_get(slug: str, number: str | int | None = None) -> ScenarioVersion:
    """A version of a scenario, by default the newest.

    Raises:
        NotFoundError: it does not exist.
    """
    if number is None or number == "":
        return newest_version(slug)
    wanted = str(number)
    found = scenario_get(slug).versions.filter(number=int(wanted)).first() if _is_number(wanted) else None
    if found is None:
        raise NotFoundError(f"Version {wanted} of scenario {slug} does not exist.", "Select one from the list.")
    return found


def free_name(name: str, *, longest: int) -> str:
    """An unused name for a copy."""
    for number in range(1, 10_000):
        end = " (copy)" if number == 1 else f" (copy {number})"
        proposed = name.removesuffix(" (copy)")[: longest - len(end)] + end
        if not Scenario.objects.filter(slug=slug_of(proposed)).exists():
            return proposed
    return name


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def runs(
    *,
    slug: str | None = None,
    state: str | None = None,
    wanted: ListFilter = ALL,
    cursor: str | None = None,
    size: int = 50,
) -> Page[ScenarioRun]:
    """A page of runs, newest request first unless `wanted` reverses the order.

    Raises:
        InvalidInputError: the cursor belongs to another list.
    """
    rows = _runs()
    if slug:
        rows = rows.filter(version__scenario__slug=slug)
    if state:
        rows = rows.filter(state=state)
    rows = wanted.apply(
        rows,
        at="requested_at",
        text=("id", "version__scenario__name", "version__scenario__slug", "requested_by_name", "message"),
    )
    return paginate(rows, order=wanted.ordered(("-requested_at", "-id")), cursor=cursor, size=size)


def run_get(run_id: UUID) -> ScenarioRun:
    """The run of that id.

    Raises:
        NotFoundError: it does not exist.
    """
    found = _runs().filter(pk=run_id).first()
    if found is None:
        raise NotFoundError(f"Run {run_id} does not exist.", "Select one from the list.")
    return found


def run_faults(run: ScenarioRun, *, kind: str | None = None, after: int = -1, size: int = 100) -> list[tuple[int, str]]:
    """The records of a run with a fault: (number, kind), by number, starting after `after`. The number is the header
    `sequence` of the record and the bronze column of that name. Undelivered records are excluded."""
    kinds = ("", *dict.fromkeys(fault.kind for fault in run.version.content.faults))
    undelivered = ScenarioRun.objects.filter(pk=run.pk).values_list("undelivered", flat=True).get()
    lost = {number for number, _ in unpacked(bytes(undelivered))} if undelivered else set()
    found: list[tuple[int, str]] = []
    for part in run.fault_parts.filter(until__gt=after + 1).iterator(chunk_size=1):
        for number, code in unpacked(bytes(part.body)):
            if number > after and number not in lost and kind in (None, kinds[code]):
                found.append((number, kinds[code]))
                if len(found) == size:
                    return found
    return found


def run_truths() -> list[RunTruth]:
    """Every run that has started to send, newest first."""
    rows = _runs().filter(started_at__isnull=False).defer("version__document").order_by("-started_at", "-id")
    return [
        RunTruth(
            run_id=str(run.pk),
            name=run.version.scenario.name,
            in_progress=run.under_way,
            generated=run.generated,
            acknowledged=run.acknowledged,
            failed=run.failed,
            injected=run.truth.get("expected_reasons", {}),
            duplicates=run.truth.get("duplicates", 0),
            sent_twice=run.sent_twice,
            missing=run.truth.get("missing", run.faults.get("dropped", 0)),
        )
        for run in rows
    ]


def runs_started() -> dict[str, datetime]:
    """The start time of each run by its ID."""
    rows = ScenarioRun.objects.filter(started_at__isnull=False).values_list("pk", "started_at")
    return {str(run): at for run, at in rows if at is not None}


def runs_fingerprint() -> list[int]:
    """Three numbers that change when a run starts, progresses or ends: runs, acknowledged records, runs in progress."""
    found = ScenarioRun.objects.aggregate(
        runs=Count("pk"), acknowledged=Sum("acknowledged"), under_way=Count("pk", filter=Q(state__in=UNFINISHED))
    )
    return [found["runs"], found["acknowledged"] or 0, found["under_way"]]


def runs_under_way() -> list[ScenarioRun]:
    """The runs that have not ended, newest first."""
    return list(_runs().filter(state__in=UNFINISHED))


def scenarios_like(text: str, count: int) -> list[Scenario]:
    """The first `count` scenarios, by name, that have `text` in their name or slug."""
    return list(Scenario.objects.filter(Q(name__icontains=text) | Q(slug__icontains=text)).order_by("name")[:count])


def last_sent_at() -> datetime | None:
    """The time of the last sample of a sending run; None if there is none."""
    # Among the runs with the latest heartbeats: a paused run has heartbeats but sends nothing.
    recent = ScenarioRun.objects.filter(acknowledged__gt=0, heartbeat_at__isnull=False).order_by("-heartbeat_at")[:5]
    sent = ScenarioRunSample.objects.filter(run__in=recent.values("pk"), rate__gt=0)
    found: datetime | None = sent.aggregate(at=Max("at"))["at"]
    return found


def _runs() -> QuerySet[ScenarioRun]:
    return ScenarioRun.objects.select_related("version__scenario", "tick").defer("undelivered")
