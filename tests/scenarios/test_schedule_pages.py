"""Schedules as pages and in the REST API: for everybody to see, for operators to change, and the same in both."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.services import Wanted, schedule_create
from controlplane.scenarios.schedules.starting import schedule_start_due
from tests.scenarios.test_services import Requests

pytestmark = pytest.mark.django_db

NOWHERE = uuid.UUID(int=0)
QUARTERS = "*/15 * * * *"
FILLED = {"version": "1", "kind": "cron", "cron": QUARTERS, "at": "", "seeds": "new", "seed": ""}
NEW = "/scenarios/schedules/new/?scenario=first-light"


@pytest.fixture(autouse=True)
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    found = Requests()
    monkeypatch.setattr("controlplane.scenarios.tasks.generate", found)
    return found


@pytest.fixture
def olga() -> User:
    return User.objects.create_user("olga", role=Role.OPERATOR)


@pytest.fixture
def operator(olga: User) -> Client:
    client = Client()
    client.force_login(olga)
    return client


@pytest.fixture
def viewer() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("vera", role=Role.VIEWER))
    return client


@pytest.fixture
def schedule(olga: User) -> RunSchedule:
    """A schedule with a run that goes on, one time that it skipped for it, and two that it missed before."""
    begun = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    made = schedule_create(
        actor=olga, slug="first-light", wanted=Wanted(cron=QUARTERS), request_id=uuid.uuid4(), now=begun
    )
    assert made.next_at is not None
    schedule_start_due(made.pk, made.next_at + timedelta(minutes=35))
    schedule_start_due(made.pk, made.next_at + timedelta(minutes=45))
    return RunSchedule.objects.get(pk=made.pk)


def _page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_the_list_is_empty_with_a_first_step_and_then_is_not(viewer: Client, operator: Client, olga: User) -> None:
    assert "No schedules yet" in _page(viewer, "/scenarios/schedules/")
    assert "Schedule it" not in _page(viewer, "/scenarios/schedules/")
    assert "Schedule it" in _page(operator, "/scenarios/schedules/")
    schedule_create(actor=olga, slug="first-light", wanted=Wanted(cron=QUARTERS, seed=77), request_id=uuid.uuid4())
    text = _page(viewer, "/scenarios/schedules/")
    for shown in ("First light", QUARTERS, "77", "olga", "not yet", 'data-state="up"'):
        assert shown in text, shown
    assert "No schedule fits" in _page(viewer, "/scenarios/schedules/?standing=paused")
    assert "No schedule fits" in _page(viewer, "/scenarios/schedules/?scenario=flash-sale")
    assert QUARTERS in _page(viewer, "/scenarios/schedules/?standing=on&scenario=first-light")
    assert viewer.get("/scenarios/schedules/?cursor=x").status_code == 422


def test_a_schedule_shows_its_next_three_times_and_what_became_of_the_last(
    viewer: Client, schedule: RunSchedule
) -> None:
    text = _page(viewer, f"/scenarios/schedules/{schedule.pk}/")
    assert text.count('class="next-time"') == 3
    run = ScenarioRun.objects.get()
    assert text.count(f"/scenarios/runs/{run.pk}/") == 2
    for shown in ("skipped", "missed", '<span class="number">2</span> times from', "was down", "still waiting"):
        assert shown in text, shown
    assert "pause-button" not in text
    overdue = "nobody has looked at it since"
    RunSchedule.objects.update(next_at=timezone.now() - timedelta(seconds=40))
    assert overdue in _page(viewer, f"/scenarios/schedules/{schedule.pk}/")
    RunSchedule.objects.update(next_at=timezone.now() + timedelta(seconds=40))
    assert overdue not in _page(viewer, f"/scenarios/schedules/{schedule.pk}/")
    assert "missed" in _page(viewer, f"/scenarios/schedules/{schedule.pk}/?outcome=missed")
    assert "Nothing of that kind" in _page(viewer, f"/scenarios/schedules/{schedule.pk}/?outcome=refused")
    # And the ways to it: from the run, the lists and the scenario.
    for address in (f"/scenarios/runs/{run.pk}/", "/scenarios/runs/", "/scenarios/", "/scenarios/first-light/"):
        assert f"/scenarios/schedules/{schedule.pk}/" in _page(viewer, address), address


def test_a_schedule_is_made_with_the_form(operator: Client, viewer: Client) -> None:
    assert viewer.get(NEW).status_code == 403
    form = _page(operator, NEW + "&version=1")
    assert "First light, version 1" in form
    request_id = str(uuid.uuid4())
    for _ in range(2):
        answer = operator.post(NEW, {**FILLED, "request_id": request_id})
        assert answer["Location"] == f"/scenarios/schedules/{request_id}/"
    made = RunSchedule.objects.get()
    assert (made.cron, made.once_at, made.seed) == (QUARTERS, None, None)
    assert operator.get("/scenarios/schedules/new/?scenario=none").status_code == 404
    assert operator.get("/scenarios/schedules/new/").status_code == 404


def test_one_time_is_in_the_persons_zone(operator: Client, olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(time_zone="Asia/Tokyo")
    assert "Asia/Tokyo" in _page(operator, NEW)
    at = (timezone.now() + timedelta(days=2)).replace(hour=0, minute=30, second=0, microsecond=0, tzinfo=None)
    once = {**FILLED, "kind": "once", "at": at.isoformat(timespec="minutes"), "cron": "left over"}
    assert operator.post(NEW, {**once, "seeds": "fixed", "seed": "8"}).status_code == 302
    made = RunSchedule.objects.get()
    assert (made.cron, made.once_at, made.seed) == ("", at.replace(tzinfo=UTC) - timedelta(hours=9), 8)
    change = f"/scenarios/schedules/{made.pk}/change/"
    assert f'value="{at:%Y-%m-%dT%H:%M:%S}"' in _page(operator, change)


@pytest.mark.parametrize(
    ("wrong", "name", "says"),
    [
        ({"cron": "0 25 * * *"}, "cron", "The hour is &#x27;25&#x27;"),
        ({"cron": "0 6 1 * mon"}, "cron", "Leave one of them at *"),
        ({"cron": ""}, "cron", "Say when it runs"),
        ({"kind": "once", "at": ""}, "at", "Say when it runs"),
        ({"kind": "once", "at": "tomorrow"}, "at", "That is no time"),
        ({"kind": "once", "at": "2020-01-01T00:00"}, "at", "has passed. Choose a time to come."),
        ({"kind": "never"}, "kind", "valid choice"),
        ({"seeds": "fixed"}, "seed", "Write a whole number"),
        ({"seeds": "fixed", "seed": "-1"}, "seed", "greater than or equal to 0"),
        ({"version": "99"}, "version", "valid choice"),
        ({"cron": "<script>alert(1)</script>"}, "cron", "&lt;script&gt;"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(
    operator: Client, wrong: dict[str, str], name: str, says: str
) -> None:
    answer = operator.post(NEW, {**FILLED, **wrong})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [name]
    assert says in text
    assert "<script>alert" not in text
    assert not RunSchedule.objects.exists()


def test_a_schedule_is_changed_paused_resumed_and_deleted(operator: Client, schedule: RunSchedule) -> None:
    page = f"/scenarios/schedules/{schedule.pk}/"
    assert "pause-button" in _page(operator, page)
    assert QUARTERS in _page(operator, f"{page}change/")
    assert operator.post(f"{page}change/", {**FILLED, "cron": "0 6 * * 8"}).status_code == 422
    assert operator.post(f"{page}change/", {**FILLED, "cron": "0 6 * * *"})["Location"] == page
    assert "0 6 * * *" in _page(operator, page)
    operator.post(f"{page}pause/")
    text = _page(operator, page)
    assert "resume-button" in text
    assert "none while it is paused" in text
    operator.post(f"{page}resume/")
    assert "pause-button" in _page(operator, page)
    assert operator.post(f"{page}delete/")["Location"] == "/scenarios/schedules/"
    assert operator.get(page).status_code == 404
    assert ScenarioRun.objects.exists()


def test_a_schedule_that_paused_itself_says_why(operator: Client, olga: User, schedule: RunSchedule) -> None:
    User.objects.filter(pk=olga.pk).update(role=Role.VIEWER)
    ScenarioRun.objects.update(state=RunState.SUCCEEDED)
    assert schedule.next_at is not None
    schedule_start_due(schedule.pk, schedule.next_at)
    text = _page(operator, f"/scenarios/schedules/{schedule.pk}/")
    assert "Paused</h3>" in text
    assert "takes it over" in text
    assert "resume-button" not in text


def test_a_viewer_changes_nothing_and_nobody_does_by_get(
    operator: Client, viewer: Client, schedule: RunSchedule
) -> None:
    page = f"/scenarios/schedules/{schedule.pk}/"
    for act in ("change", "pause", "resume", "delete"):
        assert viewer.post(f"{page}{act}/", FILLED).status_code == 403, act
        if act != "change":
            assert operator.get(f"{page}{act}/").status_code == 405, act
    assert viewer.get(f"{page}change/").status_code == 403
    assert RunSchedule.objects.get() == schedule


def test_pages_need_a_person_and_carry_no_inline_script_or_style(
    client: Client, operator: Client, schedule: RunSchedule
) -> None:
    page = f"/scenarios/schedules/{schedule.pk}/"
    for address in ("/scenarios/schedules/", NEW, page, f"{page}change/", "/scenarios/schedules/times/"):
        assert client.get(address).status_code == 302, address
        text = _page(operator, address)
        for inline in (' style="', "onclick", "<script>"):
            assert inline not in text, address


def test_the_form_shows_the_next_times_while_one_writes(viewer: Client) -> None:
    address = "/scenarios/schedules/times/"
    assert _page(viewer, address).strip() == ""
    shown = viewer.get(address, {"cron": "0 6 29 2 *"}).content.decode()
    assert shown.count("<time ") == 3
    assert "-02-29 06:00:00 UTC" in shown
    assert "The hour is &#x27;99&#x27;" in viewer.get(address, {"cron": "0 99 * * *"}).content.decode()


def _send(client: Client, method: str, address: str, body: Any = None, **headers: str) -> Any:
    return client.generic(
        method, f"/api/v1{address}", json.dumps(body or {}), content_type="application/json", headers=headers
    )


def test_the_api_does_what_the_pages_do(operator: Client) -> None:
    key = str(uuid.uuid4())
    wanted = {"cron": QUARTERS, "seed": 4}
    answers = [
        _send(operator, "POST", "/scenarios/first-light/schedules", wanted, **{"Idempotency-Key": key})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = answers[0].json()
    assert made == answers[1].json() == operator.get(f"/api/v1/scenario-schedules/{key}").json()
    assert (made["id"], made["scenario"], made["version"], made["cron"]) == (key, "first-light", 1, QUARTERS)
    assert (made["seed"], made["standing"], made["owner"], len(made["next"])) == (4, "on", "olga", 3)
    assert operator.get("/api/v1/scenario-schedules?scenario=first-light&standing=on").json()["items"] == [made]
    assert operator.get("/api/v1/scenario-schedules?standing=paused").json() == {"items": [], "next": None}
    address = f"/scenario-schedules/{key}"
    paused = _send(operator, "POST", f"{address}/pause").json()
    assert (paused["standing"], paused["next"]) == ("paused", [])
    assert _send(operator, "POST", f"{address}/resume").json()["standing"] == "on"
    at = datetime(timezone.now().year + 1, 1, 1, 6, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    changed = _send(operator, "PUT", address, {"at": at}).json()
    assert (changed["cron"], changed["at"], changed["seed"], changed["next"]) == ("", at, None, [at])
    assert _send(operator, "DELETE", address).status_code == 204
    assert operator.get(f"/api/v1{address}").status_code == 404


def test_the_api_says_what_became_of_its_times(viewer: Client, schedule: RunSchedule) -> None:
    address = f"/api/v1/scenario-schedules/{schedule.pk}/ticks"
    found = viewer.get(address).json()["items"]
    run = ScenarioRun.objects.get()
    assert [(row["outcome"], row["count"], row["run"], row["blocked_by"]) for row in found] == [
        ("skipped", 1, None, str(run.pk)), ("started", 1, str(run.pk), None), ("missed", 2, None, None),
    ]  # fmt: skip
    assert [row["outcome"] for row in viewer.get(f"{address}?outcome=missed").json()["items"]] == ["missed"]
    first = viewer.get(f"{address}?limit=2").json()
    assert viewer.get(f"{address}?limit=2&cursor={first['next']}").json() == {"items": found[2:], "next": None}
    assert viewer.get(f"/api/v1/scenario-runs/{run.pk}").json()["schedule"] == str(schedule.pk)


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "says"),
    [
        ("POST", "/scenarios/none/schedules", {"cron": QUARTERS}, 404, "none"),
        ("POST", "/scenarios/first-light/schedules", {}, 422, "cron, at"),
        ("POST", "/scenarios/first-light/schedules", {"cron": "99 * * * *"}, 422, "the minute is '99'"),
        ("POST", "/scenarios/first-light/schedules", {"at": "2036-01-01T00:00:00"}, 422, "at: has no time zone"),
        ("POST", "/scenarios/first-light/schedules", {"cron": QUARTERS, "seed": -1}, 422, "seed"),
        ("POST", "/scenarios/first-light/schedules", {"cron": QUARTERS, "version": 9}, 404, "version 9"),
        ("PUT", f"/scenario-schedules/{NOWHERE}", {"cron": QUARTERS}, 404, "no schedule"),
        ("DELETE", f"/scenario-schedules/{NOWHERE}", {}, 404, "no schedule"),
    ],
)
def test_the_api_says_what_is_wrong(
    operator: Client, method: str, address: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = _send(operator, method, address, body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
    assert answer.json()["error"]["remedy"]
    assert not RunSchedule.objects.exists()


def test_the_api_asks_for_the_role(viewer: Client, schedule: RunSchedule) -> None:
    assert viewer.get(f"/api/v1/scenario-schedules/{schedule.pk}").status_code == 200
    assert _send(viewer, "POST", "/scenarios/first-light/schedules", {"cron": QUARTERS}).status_code == 403
    for method, act in (("PUT", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        body = {"cron": QUARTERS}
        assert _send(viewer, method, f"/scenario-schedules/{schedule.pk}{act}", body).status_code == 403, act
