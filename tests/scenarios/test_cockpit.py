"""A run's page: steering, repeating, its limits, its report; and two runs side by side."""

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.leases import WorkState
from controlplane.scenarios.documents.services import scenario_save
from controlplane.scenarios.models import ScenarioRun, ScenarioRunSample
from controlplane.scenarios.runs.context import left_seconds, limits
from controlplane.scenarios.runs.services import scenario_run_start
from tests.labels import Compared, Run, RunLimits
from tests.pages import Page, Visitor
from tests.scenarios.documents import DOCUMENT

pytestmark = pytest.mark.django_db

NOWHERE = uuid.UUID(int=0)


@pytest.fixture
def run(operator_user: User) -> ScenarioRun:
    """A run half way: its document asks for 60,000 records at 2,000 a second."""
    return _begun(scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid.uuid4()))


def _begun(run: ScenarioRun, **more: Any) -> ScenarioRun:
    now = timezone.now()
    values = {
        "state": WorkState.RUNNING, "started_at": now, "anchor": now, "heartbeat_at": now, "partitions": 4,
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
    values = {"state": WorkState.SUCCEEDED, "finished_at": timezone.now(), "digest": "d1" * 16, "digests": ["aa", "bb"]}
    ScenarioRun.objects.filter(pk=run.pk).update(**{**values, **more})
    return ScenarioRun.objects.get(pk=run.pk)


def test_a_run_is_paused_hurried_and_resumed_from_its_page_however_often_it_is_asked(
    operator: Visitor, run: ScenarioRun
) -> None:
    address = f"/scenarios/runs/{run.pk}/"
    pause = operator.page(address).action(Run.PAUSE)
    for _ in range(2):
        assert pause.press()["Location"] == address
    run.refresh_from_db()
    assert run.paused
    paused = operator.page(address)
    assert (paused.state, paused.offers(Run.PAUSE)) == ("waiting", False)
    for _ in range(2):
        paused.action(Run.speed("2")).press()
    paused.action(Run.RESUME).press()
    run.refresh_from_db()
    assert (run.paused, run.speed) == (False, 2.0)
    operator.page(address).action(Run.SET_RATE).press(events_per_second="500")
    run.refresh_from_db()
    assert run.speed == 0.25
    page = operator.page(address)
    assert (page.state, page.offers(Run.PAUSE), page.offers(Run.RESUME)) == ("running", True, False)
    assert page.part("speed-now").text.startswith("0.25")
    done = AuditEntry.objects.order_by("at").values_list("action", flat=True)
    assert list(done)[1:] == ["scenario.pause"] * 2 + ["scenario.speed"] * 2 + ["scenario.resume", "scenario.speed"]


@pytest.mark.parametrize(
    ("sent", "says"),
    [({"speed": "fast"}, "speed"), ({"speed": "-1"}, "speed"), ({}, "speed"), ({"speed": "nan"}, "speed"),
     ({"events_per_second": "1e12"}, "events_per_second"),
     ({"speed": "1", "events_per_second": "1"}, "Exactly one of")],
)  # fmt: skip
def test_an_impossible_rate_is_said_and_changes_nothing(
    operator: Visitor, run: ScenarioRun, sent: dict[str, str], says: str
) -> None:
    page = f"/scenarios/runs/{run.pk}/"
    answer = operator.post(f"{page}speed/", sent, follow=True, headers={"Referer": f"http://testserver{page}"})
    (message,) = Page.of(answer).messages
    assert says in message
    run.refresh_from_db()
    assert run.speed == 1.0


@pytest.mark.parametrize("act", ["pause", "resume", "speed", "replay"])
def test_a_viewer_neither_sees_nor_may_steer(viewer: Visitor, run: ScenarioRun, act: str) -> None:
    page = f"/scenarios/runs/{run.pk}/"
    assert viewer.page(page).actions == []
    if act == "replay":
        _ended(run)
    assert viewer.post(f"{page}{act}/", {"speed": "2"}).status_code == 403
    assert ScenarioRun.objects.count() == 1
    assert viewer.get(f"{page}{act}/").status_code == 405


def test_a_replay_is_asked_for_once_and_says_whether_the_bytes_were_the_same(
    operator: Visitor, run: ScenarioRun
) -> None:
    first = f"/scenarios/runs/{run.pk}/"
    assert not operator.page(first).offers(Run.REPLAY)
    _ended(run)
    replay = operator.page(first).action(Run.REPLAY)
    assert replay.question
    request_id = replay.fields["request_id"]
    again = f"/scenarios/runs/{request_id}/"
    for _ in range(2):
        assert replay.press()["Location"] == again
    assert ScenarioRun.objects.count() == 2
    assert operator.page(again).part("replayed").text.startswith(Run.NOT_KNOWN_YET)
    for matches, says, other in ((True, Run.SAME, Run.OTHER), (False, Run.OTHER, Run.SAME)):
        _ended(ScenarioRun.objects.get(pk=request_id), replay_matches=matches)
        page = operator.page(again)
        for said in (page.part("replayed").text, operator.page(first).fact(Run.REPEATED_BY)):
            assert says in said.lower()
            assert other not in said.lower()
        assert list(page.part("replayed").links.values()) == [f"/scenarios/compare/?run={run.pk}&run={request_id}"]


def test_the_time_left_follows_the_documents_shape_and_the_speed(run: ScenarioRun) -> None:
    assert left_seconds(run) == pytest.approx(15, abs=0.1)
    run.speed = 3
    assert left_seconds(run) == pytest.approx(5, abs=0.1)
    run.paused_at = timezone.now()
    assert left_seconds(run) is None
    run.paused_at, run.state = None, WorkState.SUCCEEDED
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


def test_limits_are_shown_before_they_are_measured_and_with_the_reason_after(
    operator: Visitor, operator_user: User
) -> None:
    text = DOCUMENT + "thresholds: [{metric: failed_percent, over: 1}]\n"
    scenario_save(actor=operator_user, text=text)
    run = scenario_run_start(actor=operator_user, slug="my-own", request_id=uuid.uuid4())
    page = f"/scenarios/runs/{run.pk}/"
    (limit,) = operator.page(page).table(RunLimits.TITLE).rows
    assert (limit[RunLimits.STANDING], limit[RunLimits.LAST]) == (RunLimits.UNKNOWN, RunLimits.NOT_MEASURED)
    assert "1%" in limit[RunLimits.STOPS_WHEN]
    _ended(run, state=WorkState.STOPPED, message="Aborted by a threshold. 9% failed.")
    assert operator.page(page).part("message").text == "Aborted by a threshold. 9% failed."


def test_the_page_shows_latency_and_its_chart(operator: Visitor, run: ScenarioRun) -> None:
    latency = operator.page(f"/scenarios/runs/{run.pk}/").part("latency").text
    assert re.findall(r"(\w+) ([\d.]+) ms", latency) == [
        ("p50", "4.2"), ("p95", "9.0"), ("p99", "21.5"), ("max", "88.0"),
    ]  # fmt: skip
    series = operator.get(f"/scenarios/runs/{run.pk}/latency.json").json()["series"]
    assert [[value for _, value in line["points"]] for line in series] == [[4.0, 4.0, 4.0], [None, 20.0, 20.0]]


def test_the_report_is_one_file_for_people_and_one_for_programs(viewer: Visitor, run: ScenarioRun) -> None:
    _ended(run, truth={"faults": {"truncated": 91}})
    answer = viewer.get(f"/scenarios/runs/{run.pk}/report.html")
    assert answer["Content-Disposition"] == f'attachment; filename="run-{run.pk}.html"'
    report = Page.of(answer)
    assert (report.fact("Digest"), report.fact("Seed")) == ("d1" * 16, str(run.seed))
    for shown in ("First light", "truncated", "30,000", "duration_seconds", "p99"):
        assert shown in report, shown
    assert report.has("chart")
    for loading in ("<script", "src=", "href=", "@import", "url("):
        assert loading not in report.html, loading
    taken = viewer.get(f"/scenarios/runs/{run.pk}/report.json")
    assert taken["Content-Disposition"] == f'attachment; filename="run-{run.pk}.json"'
    assert json.loads(taken.content) == viewer.get(f"/api/v1/scenario-runs/{run.pk}/report").json()


def test_a_run_that_has_not_begun_has_a_report_and_a_page(viewer: Visitor, operator_user: User) -> None:
    run = scenario_run_start(actor=operator_user, slug="flash-sale", request_id=uuid.uuid4())
    report = viewer.page(f"/scenarios/runs/{run.pk}/report.html")
    assert report.fact(Run.STARTED) == Run.NOT_YET
    assert not report.has("chart")
    assert viewer.page(f"/scenarios/runs/{run.pk}/").fact(Run.STARTED) == Run.NOT_YET


def test_two_runs_are_compared(viewer: Visitor, operator_user: User, run: ScenarioRun) -> None:
    other = _begun(scenario_run_start(actor=operator_user, slug="dirty-data", request_id=uuid.uuid4()), generated=10)
    address = f"/scenarios/compare/?run={run.pk}&run={other.pk}"
    assert viewer.page(address).has("bytes-unknown")
    _ended(run)
    _ended(other, digest="e2" * 16)
    page = viewer.page(address)
    assert page.has("bytes-differ")
    assert {"name", "duration_seconds"} <= set(page.table(Compared.DOCUMENT).column(Compared.FIELD))
    records, state = (page.table(Compared.OUTCOME).row(name) for name in (f"records {Compared.DIFFERS}", "state"))
    assert (records[Compared.FIRST], records[Compared.SECOND]) == ("60,000", "120,000")
    assert (state[Compared.FIRST], state[Compared.SECOND]) == ("succeeded", "succeeded")
    assert Compared.DIFFERS not in str(state)
    _ended(other, digest="d1" * 16)
    assert viewer.page(address).has("bytes-same")
    rates = viewer.get(f"/scenarios/compare/rates.json?run={run.pk}&run={other.pk}").json()
    assert [line["points"] for line in rates["series"]] == [[["0", 0.0], ["1", 1000.0], ["2", 2000.0]]] * 2


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("?run=", 200), ("?run=nonsense", 422), (f"?run={NOWHERE}", 404), ("?run=1&run=2&run=3", 422)],
)
def test_what_can_not_be_compared_is_said(viewer: Visitor, query: str, status: int) -> None:
    assert viewer.get(f"/scenarios/compare/{query}").status_code == status


def test_runs_lead_to_their_comparison(viewer: Visitor, run: ScenarioRun) -> None:
    listed = viewer.page("/scenarios/runs/")
    (choice,) = (row.part.field("run").element for row in listed.table().rows)
    assert choice.get("value") == str(run.pk)
    choice.set("checked", "")
    chosen = listed.action(Run.COMPARE_CHOSEN)
    assert (chosen.method, chosen.url, chosen.fields) == ("get", "/scenarios/compare/", {"run": str(run.pk)})
    assert viewer.page(f"/scenarios/runs/{run.pk}/").link(Run.COMPARE) == f"/scenarios/compare/?run={run.pk}"
    assert viewer.get(f"/scenarios/compare/?run={run.pk}").status_code == 200
