"""A run's page: steering, repeating, its limits, its report; and two runs side by side."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.scenarios.documents.services import scenario_save
from controlplane.scenarios.models import RunState, ScenarioRun, ScenarioRunSample
from controlplane.scenarios.runs.context import left_seconds, limits
from controlplane.scenarios.runs.services import scenario_run_start
from tests.scenarios.test_services import DOCUMENT, Requests

pytestmark = pytest.mark.django_db

NOWHERE = uuid.UUID(int=0)


@pytest.fixture(autouse=True)
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    found = Requests()
    monkeypatch.setattr("controlplane.scenarios.tasks.generate", found)
    return found


@pytest.fixture
def olga() -> User:
    return User.objects.create_user("olga", role=Role.OPERATOR)


@pytest.fixture
def operator(client: Client, olga: User) -> Client:
    client.force_login(olga)
    return client


@pytest.fixture
def viewer() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("vera", role=Role.VIEWER))
    return client


@pytest.fixture
def run(olga: User) -> ScenarioRun:
    """A run half way: its document asks for 60,000 records at 2,000 a second."""
    return _begun(scenario_run_start(actor=olga, slug="first-light", request_id=uuid.uuid4()))


def _begun(run: ScenarioRun, **more: Any) -> ScenarioRun:
    now = timezone.now()
    values = {
        "state": RunState.RUNNING, "started_at": now, "anchor": now, "heartbeat_at": now, "partitions": 4,
        "generated": 30_000, "acknowledged": 30_000, "latency_ms": {"p50": 4.2, "p95": 9.0, "p99": 21.5, "max": 88.0},
    }  # fmt: skip
    ScenarioRun.objects.filter(pk=run.pk).update(**{**values, **more})
    for second in range(3):
        ScenarioRunSample.objects.create(
            run=run, at=now + timedelta(seconds=second), rate=1000.0 * second, target_rate=2000, acknowledged=second,
            latency_p50_ms=4.0, latency_p99_ms=None if second == 0 else 20.0,
        )  # fmt: skip
    return ScenarioRun.objects.get(pk=run.pk)


def _ended(run: ScenarioRun, **more: Any) -> ScenarioRun:
    values = {"state": RunState.SUCCEEDED, "finished_at": timezone.now(), "digest": "d1" * 16, "digests": ["aa", "bb"]}
    ScenarioRun.objects.filter(pk=run.pk).update(**{**values, **more})
    return ScenarioRun.objects.get(pk=run.pk)


def test_a_run_is_paused_hurried_and_resumed_from_its_page_however_often_it_is_asked(
    operator: Client, run: ScenarioRun
) -> None:
    page = f"/scenarios/runs/{run.pk}/"
    for _ in range(2):
        assert operator.post(f"{page}pause/")["Location"] == page
    run.refresh_from_db()
    assert run.paused
    assert "resume-button" in operator.get(page).content.decode()
    for _ in range(2):
        operator.post(f"{page}speed/", {"speed": "2"})
    operator.post(f"{page}resume/")
    run.refresh_from_db()
    assert (run.paused, run.speed) == (False, 2.0)
    operator.post(f"{page}speed/", {"events_per_second": "500"})
    run.refresh_from_db()
    assert run.speed == 0.25
    shown = operator.get(page).content.decode()
    assert "pause-button" in shown
    assert 'id="speed-now">0.25' in shown
    done = AuditEntry.objects.order_by("at").values_list("action", flat=True)
    assert list(done)[1:] == ["scenario.pause"] * 2 + ["scenario.speed"] * 2 + ["scenario.resume", "scenario.speed"]


@pytest.mark.parametrize(
    ("sent", "says"),
    [({"speed": "fast"}, "speed"), ({"speed": "-1"}, "speed"), ({}, "speed"), ({"speed": "nan"}, "speed"),
     ({"events_per_second": "1e12"}, "events_per_second"), ({"speed": "1", "events_per_second": "1"}, "one of the")],
)  # fmt: skip
def test_an_impossible_rate_is_said_and_changes_nothing(
    operator: Client, run: ScenarioRun, sent: dict[str, str], says: str
) -> None:
    page = f"/scenarios/runs/{run.pk}/"
    answer = operator.post(f"{page}speed/", sent, follow=True, headers={"Referer": f"http://testserver{page}"})
    assert says in "".join(str(message) for message in answer.context["messages"])
    run.refresh_from_db()
    assert run.speed == 1.0


@pytest.mark.parametrize("act", ["pause", "resume", "speed", "replay"])
def test_a_viewer_neither_sees_nor_may_steer(viewer: Client, run: ScenarioRun, act: str) -> None:
    page = f"/scenarios/runs/{run.pk}/"
    shown = viewer.get(page).content.decode()
    for button in ("pause-button", "stop-button", "replay-button", "rate-button", "speed-1"):
        assert button not in shown
    if act == "replay":
        _ended(run)
    assert viewer.post(f"{page}{act}/", {"speed": "2"}).status_code == 403
    assert ScenarioRun.objects.count() == 1
    assert viewer.get(f"{page}{act}/").status_code == 405


def test_a_replay_is_asked_for_once_and_says_whether_the_bytes_were_the_same(
    operator: Client, run: ScenarioRun
) -> None:
    page = f"/scenarios/runs/{run.pk}/"
    assert "replay-button" not in operator.get(page).content.decode()
    _ended(run)
    assert "replay-button" in operator.get(page).content.decode()
    request_id = uuid.uuid4()
    for _ in range(2):
        answer = operator.post(f"{page}replay/", {"request_id": str(request_id)})
        assert answer["Location"] == f"/scenarios/runs/{request_id}/"
    assert ScenarioRun.objects.count() == 2
    again = f"/scenarios/runs/{request_id}/"
    assert "the digest tells at the end" in operator.get(again).content.decode()
    for matches, says in ((True, "the same bytes"), (False, "other bytes")):
        _ended(ScenarioRun.objects.get(pk=request_id), replay_matches=matches)
        for address in (again, page):
            assert says.removeprefix("the ") in operator.get(address).content.decode(), address
        assert f"/scenarios/compare/?run={run.pk}&amp;run={request_id}" in operator.get(again).content.decode()


def test_the_time_left_follows_the_documents_shape_and_the_speed(run: ScenarioRun) -> None:
    assert left_seconds(run) == pytest.approx(15, abs=0.1)
    run.speed = 3
    assert left_seconds(run) == pytest.approx(5, abs=0.1)
    run.paused_at = timezone.now()
    assert left_seconds(run) is None
    run.paused_at, run.state = None, RunState.SUCCEEDED
    assert left_seconds(run) is None


@pytest.mark.parametrize(
    ("side", "value", "crossed", "standing"),
    [({"over": 10}, 1, False, "met"), ({"over": 10}, 8.5, False, "near"), ({"over": 10}, 11, True, "broken"),
     ({"over": 10}, None, False, "unknown"), ({"under": 90}, 100, False, "near"), ({"under": 90}, 120, False, "met"),
     ({"under": 90}, 50, True, "broken")],
)  # fmt: skip
def test_how_near_a_limit_is(
    run: ScenarioRun, side: dict[str, float], value: float | None, crossed: bool, standing: str
) -> None:
    both = {"over": None, "under": None, **side}
    run.thresholds = [
        {"metric": "x", "says": "X", "unit": "%", "for_seconds": 5, "value": value, "crossed": crossed, **both}
    ]
    assert [limit["standing"] for limit in limits(run)] == [standing]


def test_limits_are_shown_before_they_are_measured_and_with_the_reason_after(operator: Client, olga: User) -> None:
    text = DOCUMENT + "thresholds: [{metric: failed_percent, over: 1}]\n"
    scenario_save(actor=olga, text=text)
    run = scenario_run_start(actor=olga, slug="my-own", request_id=uuid.uuid4())
    page = f"/scenarios/runs/{run.pk}/"
    shown = operator.get(page).content.decode()
    assert "not measured" in shown
    assert "unknown" in shown
    _ended(run, state=RunState.STOPPED, message="A threshold stopped the run. 9 % failed.")
    assert "A threshold stopped the run. 9 % failed." in operator.get(page).content.decode()


def test_the_page_shows_latency_and_its_chart(operator: Client, run: ScenarioRun) -> None:
    shown = operator.get(f"/scenarios/runs/{run.pk}/").content.decode()
    for value in ("4.2 ms", "9.0 ms", "21.5 ms", "88.0 ms"):
        assert value in shown, value
    series = operator.get(f"/scenarios/runs/{run.pk}/latency.json").json()["series"]
    assert [[value for _, value in line["points"]] for line in series] == [[4.0, 4.0, 4.0], [None, 20.0, 20.0]]


def test_the_report_is_one_file_for_people_and_one_for_programs(viewer: Client, run: ScenarioRun) -> None:
    _ended(run, truth={"faults": {"truncated": 91}})
    page = viewer.get(f"/scenarios/runs/{run.pk}/report.html")
    assert page["Content-Disposition"] == f'attachment; filename="run-{run.pk}.html"'
    text = page.content.decode()
    for shown in ("First light", "d1" * 16, "truncated", "30,000", str(run.seed), "<svg", "duration_seconds", "p99"):
        assert shown in text, shown
    for loading in ("<script", "src=", "href=", "@import", "url("):
        assert loading not in text, loading
    taken = viewer.get(f"/scenarios/runs/{run.pk}/report.json")
    assert taken["Content-Disposition"] == f'attachment; filename="run-{run.pk}.json"'
    assert json.loads(taken.content) == viewer.get(f"/api/v1/scenario-runs/{run.pk}/report").json()


def test_a_run_that_has_not_begun_has_a_report_and_a_page(viewer: Client, olga: User) -> None:
    run = scenario_run_start(actor=olga, slug="flash-sale", request_id=uuid.uuid4())
    text = viewer.get(f"/scenarios/runs/{run.pk}/report.html").content.decode()
    assert "not yet" in text
    assert "Too short for a drawing." in text
    assert viewer.get(f"/scenarios/runs/{run.pk}/").status_code == 200


def test_two_runs_are_compared(viewer: Client, olga: User, run: ScenarioRun) -> None:
    other = _begun(scenario_run_start(actor=olga, slug="dirty-data", request_id=uuid.uuid4()), generated=10)
    address = f"/scenarios/compare/?run={run.pk}&run={other.pk}"
    assert "Unknown whether the bytes are the same" in viewer.get(address).content.decode()
    _ended(run)
    _ended(other, digest="e2" * 16)
    answer = viewer.get(address)
    assert "Other bytes" in answer.content.decode()
    assert {"name", "duration_seconds"} <= {row["field"] for row in answer.context["found"]["document"]}
    facts = {row["field"]: row for row in answer.context["facts"]}
    assert facts["records"] == {"field": "records", "first": "60,000", "second": "120,000", "differs": True}
    assert facts["state"]["differs"] is False
    _ended(other, digest="d1" * 16)
    assert "The same bytes" in viewer.get(address).content.decode()
    rates = viewer.get(f"/scenarios/compare/rates.json?run={run.pk}&run={other.pk}").json()
    assert [line["points"] for line in rates["series"]] == [[["0", 0.0], ["1", 1000.0], ["2", 2000.0]]] * 2


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("?run=", 200), ("?run=nonsense", 422), (f"?run={NOWHERE}", 404), ("?run=1&run=2&run=3", 422)],
)
def test_what_can_not_be_compared_is_said(viewer: Client, query: str, status: int) -> None:
    assert viewer.get(f"/scenarios/compare/{query}").status_code == status


def test_runs_lead_to_their_comparison(viewer: Client, run: ScenarioRun) -> None:
    assert f'name="run" value="{run.pk}" form="compare"' in viewer.get("/scenarios/runs/").content.decode()
    assert f"/scenarios/compare/?run={run.pk}" in viewer.get(f"/scenarios/runs/{run.pk}/").content.decode()
    assert viewer.get(f"/scenarios/compare/?run={run.pk}").status_code == 200
