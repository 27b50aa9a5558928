"""Lists that once showed everything: each has a size, and leads to the rest."""

import itertools
import uuid
from typing import Any

import pytest
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.health.services import observation_record
from controlplane.lakehouse import probe
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.lakehouse.api import LONGEST_TEXT, SUMMARY_SHOWN
from controlplane.lakehouse.selectors import tables_now
from controlplane.ledger.selectors import latest
from controlplane.orchestration.adapters.null import NullWorkflowEngine
from controlplane.orchestration.logs import LOG_LINES
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.ports import MOST_TASKS, LogLine
from controlplane.orchestration.schemas import LISTED_CONF, LISTED_TASKS
from controlplane.orchestration.views import VALIDATIONS_SHOWN
from controlplane.overview.trust import NAMED, signs
from controlplane.quality.models import Validation
from controlplane.quality.selectors import verdicts
from controlplane.quality.views import SUITES_SHOWN
from controlplane.scenarios.documents.services import scenario_clone
from controlplane.scenarios.documents.views import CARDS_SHOWN
from controlplane.scenarios.models import Scenario, ScenarioVersion
from controlplane.scenarios.schemas import MOST_VERSIONS
from controlplane.web.filters import MOST_CHOICES
from tests.adapters import Adapters
from tests.labels import Everywhere
from tests.lakehouse.tables import snapshot, table
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


def pages_of(visitor: Visitor, address: str) -> list[dict[str, Any]]:
    """The items of an operation, page by page."""
    found: list[dict[str, Any]] = []
    following: str | None = ""
    for _ in range(200):
        cursor = f"&cursor={following}" if following else ""
        answer = visitor.get(f"/api/v1{address}{'&' if '?' in address else '?'}limit=10{cursor}").json()
        assert len(answer["items"]) <= 10
        found += answer["items"]
        following = answer["next"]
        if following is None:
            return found
    raise AssertionError(f"{address} does not end")


@pytest.fixture
def many_scenarios(operator_user: User) -> list[str]:
    """Copies of a scenario, whose names begin with letters of either case."""
    version = ScenarioVersion.objects.get(scenario__slug="steady-day")
    rows = Scenario.objects.bulk_create(
        Scenario(slug=f"copy-{number}", name=f"{'aB'[number % 2]}{number:03}", created_by=operator_user)
        for number in range(3 * CARDS_SHOWN)
    )
    ScenarioVersion.objects.bulk_create(
        ScenarioVersion(scenario=row, number=1, document=version.document, digest=version.digest) for row in rows
    )
    return sorted((row.name for row in rows), key=str.lower)


def test_scenarios_come_in_pages(many_scenarios: list[str], viewer: Visitor) -> None:
    items = pages_of(viewer, "/scenarios")
    builtin = list(itertools.takewhile(lambda item: item["builtin"], items))
    assert items[0]["slug"] == "first-light"
    assert [item["name"] for item in builtin[1:]] == sorted((item["name"] for item in builtin[1:]), key=str.lower)
    assert [item["name"] for item in items[len(builtin) :]] == many_scenarios
    assert all(item["runs"] == 0 and item["version"] == 1 for item in items)

    shown: list[str] = []
    address = "/scenarios/"
    for _ in range(10):
        page = viewer.page(address)
        known = {item["slug"] for item in items}
        slugs = [
            link.split("/")[2] for link in page.addresses if link.count("/") == 3 and link.startswith("/scenarios/")
        ]
        cards = [slug for slug in dict.fromkeys(slugs) if slug in known]
        assert len(cards) <= CARDS_SHOWN
        shown += cards
        if Everywhere.NEXT_PAGE not in page.links:
            break
        address = f"/scenarios/{page.link(Everywhere.NEXT_PAGE)}"
    assert shown == [item["slug"] for item in items]


def test_the_versions_of_a_scenario_come_in_pages(operator_user: User, viewer: Visitor) -> None:
    version = scenario_clone(actor=operator_user, slug="steady-day", name="My copy")
    ScenarioVersion.objects.bulk_create(
        ScenarioVersion(scenario=version.scenario, number=number, document=version.document, digest=version.digest)
        for number in range(2, 121)
    )
    address = f"/scenarios/{version.scenario.slug}"
    detail = viewer.get(f"/api/v1{address}").json()
    assert [row["number"] for row in detail["versions"]] == list(range(120, 120 - MOST_VERSIONS, -1))
    assert (detail["versions_in_all"], detail["version"]) == (120, 120)
    assert [row["number"] for row in pages_of(viewer, f"{address}/versions")] == list(range(120, 0, -1))
    assert viewer.get(f"/api/v1{address}/versions?limit={MOST_VERSIONS + 1}").status_code == 422
    versions = viewer.page(f"{address}/").part("versions")
    assert ("1 to 50 of 120" in versions, "Version 70" in versions) == (True, False)
    assert "Version 70" in viewer.page(f"{address}/?versions=50").part("versions")


def validations(count: int, *, run_id: str = "", success: bool = True) -> None:
    now = timezone.now()
    Validation.objects.bulk_create(
        Validation(
            id=uuid.uuid4(),
            suite=f"suite.{number:04}",
            table="lake.silver.events",
            snapshot_id=str(number),
            run_id=run_id,
            path=f"{run_id}/{number}",
            started_at=now,
            finished_at=now,
            modified_at=now,
            success=success,
            published=success,
            rows=number,
            expectations_failed=0 if success else 1,
        )
        for number in range(count)
    )


def test_suites_come_in_parts_and_the_headline_names_some(viewer: Visitor) -> None:
    count = MOST_CHOICES + SUITES_SHOWN
    validations(count, success=False)
    page = viewer.page("/quality/")
    assert f"1 to {SUITES_SHOWN} of {count}" in page.part("suites")
    assert "suite.0000" in page.part("suites")
    last = f"suite.{count - 1:04}"
    assert last in viewer.page(f"/quality/?suites={count - 1}").part("suites")
    # A suite beyond the choices is a filter all the same.
    chosen = viewer.page(f"/quality/?suite={last}")
    assert chosen.field("Suite").value == last
    assert len(chosen.table().rows) == 1
    strip = {sign.key: sign for sign in signs(tables_now(), verdicts(), latest())}
    assert strip["verdict"].headline == f"Failed: suite.0000, suite.0001, suite.0002 and {count - NAMED} more"
    assert len(viewer.get("/api/v1/search?q=suite").json()["items"]) <= 5


def test_the_validations_of_a_run_lead_to_the_rest(viewer: Visitor) -> None:
    run = DagRun.objects.create(dag_id="medallion", run_id="manual__many & more", state="succeeded")
    validations(VALIDATIONS_SHOWN + 5, run_id=run.run_id)
    page = viewer.page(run.get_absolute_url())
    assert f"Showing the first {VALIDATIONS_SHOWN} of {VALIDATIONS_SHOWN + 5}." in page.text
    rest = viewer.page(next(link for link in page.addresses if link.startswith("/quality/?text=")))
    assert len(rest.table().rows) == 50
    assert rest.field("Run, job or snapshot").value == run.run_id


def test_the_tasks_and_the_configuration_of_a_run_are_bounded(viewer: Visitor) -> None:
    tasks = [{"task_id": f"task {number}", "state": "success", "try_number": 1} for number in range(2 * MOST_TASKS)]
    conf = {f"key {number}": "x" * 100 for number in range(1000)}
    run = DagRun.objects.create(dag_id="a-dag", run_id="large", state="succeeded", tasks=tasks, conf=conf)
    short = DagRun.objects.create(dag_id="a-dag", run_id="small", state="succeeded", tasks=tasks[:3], conf={"a": 1})
    rows = {row["run_id"]: row for row in viewer.get("/api/v1/dag-runs").json()["items"]}
    assert (len(rows["large"]["tasks"]), rows["large"]["tasks_in_all"]) == (LISTED_TASKS, MOST_TASKS)
    assert (rows["large"]["conf"], len(rows["large"]["conf_beginning"])) == ({}, LISTED_CONF)
    assert (len(rows["small"]["tasks"]), rows["small"]["tasks_in_all"]) == (3, 3)
    assert (rows["small"]["conf"], rows["small"]["conf_beginning"]) == ({"a": 1}, None)
    detail = viewer.get(f"/api/v1/dag-runs/{run.run_id}").json()
    assert (len(detail["tasks"]), detail["conf"], len(detail["conf_beginning"])) == (MOST_TASKS, {}, LISTED_CONF)
    # A configuration that is too long for the list only.
    DagRun.objects.filter(pk=short.pk).update(conf=dict(list(conf.items())[:100]))
    assert len(viewer.get("/api/v1/dag-runs/small").json()["conf"]) == 100


def test_a_log_leads_to_the_rest(adapters: Adapters, viewer: Visitor) -> None:
    engine = NullWorkflowEngine()
    adapters.use(workflow_engine=engine)
    run = DagRun.objects.create(dag_id="medallion", run_id="manual__log", state="running")
    engine.trigger("medallion", run.run_id, {})
    engine.written = [LogLine(f"line {number}") for number in range(LOG_LINES + 3)]
    answer = viewer.get(f"/api/v1/dag-runs/{run.run_id}/tasks/first/log").json()
    assert (len(answer["items"]), answer["omitted"]) == (LOG_LINES, 3)
    assert answer["items"][-1]["text"] == f"line {LOG_LINES + 2}"
    page = viewer.page(f"/runs/dag/{run.run_id}/log/first/1/")
    assert f"Showing the last {LOG_LINES:,} lines. 3 earlier lines are in Airflow." in page.text


def test_the_summary_of_a_snapshot_is_bounded(adapters: Adapters, viewer: Visitor) -> None:
    summary = {f"key {number:05}": "x" * 5_000 for number in range(1_000)}
    adapters.use(catalog=NullCatalog(table("bronze.events", snapshot(1, **summary))))
    observation_record(part="lake", reading=probe.look())
    for address in ("/api/v1/tables/bronze/events", "/api/v1/tables/bronze/events/snapshots"):
        answer = viewer.get(address)
        assert len(answer.content) < 2 * SUMMARY_SHOWN * LONGEST_TEXT
        found = answer.json()
        one = found["items"][0] if "items" in found else found["current_snapshot"]
        assert (len(one["summary"]), max(map(len, one["summary"].values()))) == (SUMMARY_SHOWN, LONGEST_TEXT)
        assert one["summary_in_all"] >= len(summary)
