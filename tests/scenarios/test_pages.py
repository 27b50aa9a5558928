"""The pages and the API: they answer for everybody, act for operators, and say the same."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.leases import WorkState
from controlplane.scenarios.models import Scenario, ScenarioRun, ScenarioRunSample, ScenarioVersion
from controlplane.scenarios.runs.services import scenario_run_start
from tests.labels import Everywhere, Run
from tests.labels import Scenario as Labels
from tests.pages import Page, Visitor
from tests.scenarios.documents import DOCUMENT

# The id of no run: the same in every process, since the tests' names carry it.
NOWHERE = uuid.UUID(int=0)

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> ScenarioRun:
    """A run half way, which somebody else has asked for."""
    actor = User.objects.create_user("olga", role=Role.OPERATOR)
    run = scenario_run_start(actor=actor, slug="first-light", request_id=uuid.uuid4())
    now = timezone.now()
    ScenarioRun.objects.filter(pk=run.pk).update(
        state=WorkState.RUNNING,
        started_at=now,
        anchor=now,
        heartbeat_at=now,
        attempts=1,
        generated=30_500,
        acknowledged=30_000,
        rate=1987.6,
        target_rate=2000,
        by_type={"view": 30_500},
        faults={"truncated": 91, "duplicate": 300},
    )
    ScenarioRunSample.objects.create(run=run, at=now, rate=1987.6, target_rate=2000, acknowledged=30_000)
    return ScenarioRun.objects.get(pk=run.pk)


PAGES = ("/scenarios/", "/scenarios/runs/", "/scenarios/first-light/", "/scenarios/steady-day/?version=1")


@pytest.mark.parametrize("page", PAGES)
def test_pages_need_a_person(client: Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 302
    assert "/sign-in/" in answer["Location"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_answer_with_and_without_runs(viewer: Visitor, page: str) -> None:
    assert viewer.get(page).status_code == 200


def test_only_who_may_operate_sees_the_buttons(viewer: Visitor, operator: Visitor, run: ScenarioRun) -> None:
    for page, button in (("/scenarios/", Labels.run("First light")), (f"/scenarios/runs/{run.pk}/", Run.STOP)):
        assert operator.page(page).offers(button)
        assert not viewer.page(page).offers(button)


def test_pages_carry_no_inline_script_or_style(operator: Visitor, run: ScenarioRun) -> None:
    for page in (*PAGES, "/scenarios/new/", f"/scenarios/runs/{run.pk}/"):
        html = operator.page(page).html
        assert ' style="' not in html, page
        assert "onclick" not in html, page
        assert "<script>" not in html, page


def test_a_run_shows_its_figures(viewer: Visitor, run: ScenarioRun) -> None:
    page = viewer.page(f"/scenarios/runs/{run.pk}/")
    for shown in ("30,500", "30,000", "1,988", "60,000", "50%"):
        assert shown in page, shown
    assert page.fact(Labels.SEED) == str(run.seed)
    truncated = page.table(Run.FAULTS).row("truncated")
    assert (truncated[Run.RECORDS], truncated[Run.REASON]) == ("91", "malformed_json")
    series = viewer.get(f"/scenarios/runs/{run.pk}/rates.json").json()["series"]
    assert [(line["name"], line["points"][0][1]) for line in series] == [("acknowledged", 1987.6), ("target", 2000.0)]


def test_a_run_says_why_records_failed_and_claims_no_good_records_before_it_knows(
    viewer: Visitor, operator_user: User, run: ScenarioRun
) -> None:
    address = f"/scenarios/runs/{run.pk}/"
    assert not viewer.page(address).has("delivery-errors")
    ScenarioRun.objects.filter(pk=run.pk).update(faults={}, failed=12, errors={"MSG_SIZE_TOO_LARGE": 12})
    page = viewer.page(address)
    faults = page.card(Run.FAULTS)
    assert faults.is_empty
    assert Run.NONE_YET in faults
    (error,) = page.table(Run.ERRORS).rows
    assert list(error.cells.values()) == ["MSG_SIZE_TOO_LARGE", "12"]
    ScenarioRun.objects.filter(pk=run.pk).update(state=WorkState.STOPPED, finished_at=timezone.now())
    assert Run.NONE_MADE in viewer.page(address).card(Run.FAULTS)
    good = scenario_run_start(actor=operator_user, slug="steady-day", request_id=uuid.uuid4())
    assert Run.GOOD_ONLY in viewer.page(f"/scenarios/runs/{good.pk}/").card(Run.FAULTS)


def test_a_version_is_shown_and_taken_along_as_it_was(operator: Visitor) -> None:
    operator.post("/scenarios/new/", {"document": DOCUMENT})
    operator.post("/scenarios/my-own/edit/", {"document": f"{DOCUMENT}\nseed: 4711\n"})
    page = operator.page("/scenarios/my-own/?version=1")
    assert page.link(Labels.YAML) == "/scenarios/my-own/document.yaml?version=1"
    first = operator.get("/scenarios/my-own/document.yaml?version=1")
    assert first["Content-Disposition"] == 'attachment; filename="my-own-1.yaml"'
    assert b"4711" not in first.content
    assert b"4711" in operator.get("/scenarios/my-own/document.yaml").content
    for missing in ("?version=3", "document.yaml?version=3", "?version=first"):
        assert operator.get(f"/scenarios/my-own/{missing}").status_code == 404, missing


def test_the_api_says_who_how_often_and_how_long_still(operator: Visitor, run: ScenarioRun) -> None:
    _send(operator, "/scenarios", {"document": DOCUMENT})
    listed = {row["slug"]: row for row in operator.get("/api/v1/scenarios").json()["items"]}
    assert (listed["first-light"]["created_by"], listed["first-light"]["runs"]) == ("", 1)
    assert (listed["my-own"]["created_by"], listed["my-own"]["runs"]) == ("operator", 0)
    detail = operator.get("/api/v1/scenarios/my-own").json()
    assert [version["created_by"] for version in detail["versions"]] == ["operator"]
    found = operator.get(f"/api/v1/scenario-runs/{run.pk}").json()
    assert found["left_seconds"] == pytest.approx(14.75, abs=0.5)
    assert _send(operator, f"/scenario-runs/{run.pk}/pause", {}).json()["paused_by"] == "operator"
    assert _send(operator, f"/scenario-runs/{run.pk}/stop", {}).json()["stop_requested_by"] == "operator"
    assert operator.get(f"/api/v1/scenario-runs/{run.pk}").json()["left_seconds"] is None


def test_run_and_stop_from_the_pages(operator: Visitor) -> None:
    start = operator.page("/scenarios/first-light/").action(Labels.run("version 1"))
    address = f"/scenarios/runs/{start.fields['request_id']}/"
    for _ in range(2):
        assert start.press(seed="12")["Location"] == address
    run = ScenarioRun.objects.get()
    assert run.seed == 12
    stop = operator.page(address).action(Run.STOP)
    assert stop.question
    stop.press()
    run.refresh_from_db()
    assert run.state == WorkState.STOPPED


@pytest.mark.parametrize("seed", ["-1", "many", str(2**63)])
def test_a_wrong_seed_is_said_and_nothing_runs(operator: Visitor, seed: str) -> None:
    came_from = {"Referer": "http://testserver/scenarios/first-light/"}
    answer = operator.post("/scenarios/first-light/run/", {"seed": seed}, follow=True, headers=came_from)
    (message,) = Page.of(answer).messages
    assert "seed" in message
    assert not ScenarioRun.objects.exists()


def test_a_viewer_can_neither_run_nor_stop_nor_keep(viewer: Visitor, run: ScenarioRun) -> None:
    for address in ("/scenarios/first-light/run/", f"/scenarios/runs/{run.pk}/stop/"):
        assert viewer.post(address).status_code == 403
    assert viewer.post("/scenarios/new/", {"document": DOCUMENT}).status_code == 403
    assert ScenarioRun.objects.count() == 1


def test_acting_by_get_is_not_possible(operator: Visitor, run: ScenarioRun) -> None:
    for address in ("/scenarios/first-light/run/", f"/scenarios/runs/{run.pk}/stop/"):
        assert operator.get(address).status_code == 405


def test_a_document_is_kept_or_said_to_be_wrong(operator: Visitor) -> None:
    form = operator.page("/scenarios/new/?like=dirty-data")
    assert form.field("name").value == "Dirty data (copy)"
    answer = operator.post("/scenarios/new/", {"document": DOCUMENT.replace("50", "'<script>alert(1)</script>'")})
    assert answer.status_code == 422
    wrong = Page.of(answer)
    assert list(wrong.part("to-mend").links) == ["traffic.stages[0].events_per_second"]
    assert list(wrong.errors) == ["traffic.stages[0].events_per_second"]
    assert "<script>alert" not in wrong.html
    kept = operator.post("/scenarios/new/", {"document": DOCUMENT})
    assert kept["Location"] == "/scenarios/my-own/"
    assert operator.page("/scenarios/my-own/").heading == "My own"
    changed = operator.post("/scenarios/my-own/edit/", {"document": DOCUMENT.replace("50", "60")})
    assert changed["Location"] == "/scenarios/my-own/"
    assert Scenario.objects.get(slug="my-own").versions.count() == 2


def test_script_in_the_words_stays_words(operator: Visitor) -> None:
    text = DOCUMENT.replace("My own", "My <b>own</b>") + 'teaches: "<img src=x onerror=alert(1)>"\n'
    slug = operator.post("/scenarios/new/", {"document": text})["Location"]
    for page in ("/scenarios/", slug):
        shown = operator.page(page)
        assert "My <b>own</b>" in (shown.heading, *shown.headings)
        assert "<img src=x onerror=alert(1)>" in shown
        assert "<b>own" not in shown.html
        assert "<img src=x" not in shown.html


def test_the_document_can_be_taken_along_and_brought_back(operator: Visitor) -> None:
    taken = operator.get("/scenarios/dirty-data/document.yaml")
    assert taken["Content-Disposition"] == 'attachment; filename="dirty-data.yaml"'
    text = taken.content.decode().replace("Dirty data", "Dirtier data")
    assert operator.post("/scenarios/new/", {"document": text})["Location"] == "/scenarios/dirtier-data/"
    mine, theirs = (Scenario.objects.get(slug=slug).versions.get() for slug in ("dirtier-data", "dirty-data"))
    assert mine.content.digest() == theirs.content.digest()


@pytest.mark.parametrize(
    "address", ["/scenarios/none/", f"/scenarios/runs/{NOWHERE}/", "/scenarios/none/document.yaml"]
)
def test_what_is_not_there_is_404(viewer: Visitor, address: str) -> None:
    assert viewer.get(address).status_code == 404


def _send(client: Client, address: str, body: dict[str, Any], **headers: str) -> Any:
    return client.post(f"/api/v1{address}", json.dumps(body), content_type="application/json", headers=headers)


def test_the_api_does_what_the_pages_do(operator: Visitor) -> None:
    listed = operator.get("/api/v1/scenarios").json()["items"]
    assert listed[0]["slug"] == "first-light"
    key = str(uuid.uuid4())
    answers = [
        _send(operator, "/scenarios/first-light/runs", {"seed": 3}, **{"Idempotency-Key": key}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["id"], answers[0].json()["seed"]) == (key, 3)
    assert operator.get("/api/v1/scenario-runs?scenario=first-light&state=waiting").json()["items"][0]["id"] == key
    assert operator.get("/api/v1/scenario-runs?scenario=dirty-data").json() == {"items": [], "next": None}
    assert _send(operator, f"/scenario-runs/{key}/stop", {}).json()["state"] == "stopped"
    assert operator.get(f"/api/v1/scenario-runs/{key}").json()["state"] == "stopped"


def test_the_api_keeps_documents_as_text_or_object(operator: Visitor) -> None:
    made = _send(operator, "/scenarios", {"document": DOCUMENT})
    assert made.status_code == 201
    detail = operator.get("/api/v1/scenarios/my-own").json()
    assert detail == made.json()
    document = {**detail["versions"][0]["document"], "seed": 77}
    again = _send(operator, "/scenarios", {"document": document, "slug": "my-own"})
    assert [version["number"] for version in again.json()["versions"]] == [2, 1]


@pytest.mark.parametrize(
    ("address", "body", "status", "says"),
    [
        ("/scenarios/none/runs", {}, 404, "none"),
        ("/scenarios/first-light/runs", {"seed": -1}, 422, "seed"),
        ("/scenarios", {"document": "name: x"}, 422, "traffic"),
        ("/scenarios", {"document": {"name": "x"}}, 422, "duration_seconds"),
        (f"/scenario-runs/{NOWHERE}/stop", {}, 404, "does not exist"),
    ],
)
def test_the_api_says_what_is_wrong(
    operator: Visitor, address: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = _send(operator, address, body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seed": 10**30}, "seed: Invalid value: 1000000000000000000000000000000. Must be at most"),
        ({"max_events": float("nan")}, "max_events: Invalid value: 'NaN'"),
        ({"sessions": {"conversion": float("inf")}}, "sessions.conversion: Invalid value: 'Infinity'"),
        ({"teaches": "\ud800"}, "half a character"),
        ({"description": "a\0b"}, "description: Invalid value: 'a\\x00b'. Allowed: any text without"),
    ],
    ids=["huge", "not a number", "infinite", "half a character", "NUL"],
)
def test_an_object_says_what_is_wrong_as_its_text_does(operator: Visitor, wrong: dict[str, Any], says: str) -> None:
    before = ScenarioVersion.objects.count()
    document = {"name": "P", "duration_seconds": 10, "traffic": {"stages": [{"events_per_second": 10}]}, **wrong}
    answer = _send(operator, "/scenarios", {"document": document})
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    (problem,) = _send(operator, "/scenario-preview", {"document": document}).json()["problems"]
    assert problem["remedy"]
    assert ScenarioVersion.objects.count() == before


def test_the_api_asks_for_the_role(viewer: Visitor, run: ScenarioRun) -> None:
    assert viewer.get(f"/api/v1/scenario-runs/{run.pk}").status_code == 200
    assert _send(viewer, "/scenarios/first-light/runs", {}).status_code == 403
    assert _send(viewer, f"/scenario-runs/{run.pk}/stop", {}).status_code == 403


def test_runs_are_found_by_text_and_time_and_turned_round(viewer: Visitor, run: ScenarioRun) -> None:
    address = "/scenarios/runs/"
    actor = User.objects.create_user("grace", role=Role.OPERATOR)
    later = scenario_run_start(actor=actor, slug="first-light", request_id=uuid.uuid4())
    ScenarioRun.objects.filter(pk=run.pk).update(requested_at=datetime(2026, 11, 23, 12, tzinfo=UTC))
    ScenarioRun.objects.filter(pk=later.pk).update(requested_at=datetime(2026, 11, 24, 12, tzinfo=UTC))

    def listed(query: str) -> list[str]:
        items = [item["id"] for item in viewer.get(f"/api/v1/scenario-runs?{query}").json()["items"]]
        page = viewer.page(f"{address}?{query}")
        shown = [row.part.field("run").element.get("value") for table in page.tables for row in table.rows]
        assert shown == items, "the page and the API differ"
        return items

    assert listed("") == [str(later.pk), str(run.pk)]
    assert listed("sort=oldest") == [str(run.pk), str(later.pk)]
    assert listed("text=GRACE") == [str(later.pk)]
    assert listed("text=first-light&state=running") == [str(run.pk)]
    assert listed(f"text={str(run.pk)[:8]}") == [str(run.pk)]
    assert listed("since=2026-11-24") == [str(later.pk)]
    assert listed("until=2026-11-23") == [str(run.pk)]
    assert listed("text=nobody") == []
    page = viewer.page(f"{address}?text=nobody")
    assert page.is_empty
    assert page.link(Everywhere.CLEAR_FILTERS) == address
