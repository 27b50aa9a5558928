"""Schedules as pages and in the REST API: for everybody to see, for operators to change, and the same in both."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.leases import WorkState
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.services import Wanted, schedule_create
from controlplane.scenarios.schedules.starting import schedule_start_due
from tests.labels import Schedule as Labels
from tests.pages import Page, Visitor

pytestmark = pytest.mark.django_db

NOWHERE = uuid.UUID(int=0)
QUARTERS = "*/15 * * * *"
FILLED = {"version": "1", "kind": "cron", "cron": QUARTERS, "at": "", "seeds": "new", "seed": ""}
NEW = "/scenarios/schedules/new/?scenario=first-light"


@pytest.fixture
def schedule(operator_user: User) -> RunSchedule:
    """A schedule with a run that goes on, one time that it skipped for it, and two that it missed before."""
    begun = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    made = schedule_create(
        actor=operator_user, slug="first-light", wanted=Wanted(cron=QUARTERS), request_id=uuid.uuid4(), now=begun
    )
    assert made.next_at is not None
    schedule_start_due(made.pk, made.next_at + timedelta(minutes=35))
    schedule_start_due(made.pk, made.next_at + timedelta(minutes=45))
    return RunSchedule.objects.get(pk=made.pk)


def test_the_list_is_empty_with_a_first_step_and_then_is_not(
    viewer: Visitor, operator: Visitor, operator_user: User
) -> None:
    assert viewer.page("/scenarios/schedules/").is_empty
    assert not viewer.page("/scenarios/schedules/").offers(Labels.SCHEDULE)
    assert operator.page("/scenarios/schedules/").offers(Labels.SCHEDULE)
    schedule_create(
        actor=operator_user, slug="first-light", wanted=Wanted(cron=QUARTERS, seed=77), request_id=uuid.uuid4()
    )
    (row,) = viewer.page("/scenarios/schedules/").table().rows
    assert row[Labels.SCENARIO].startswith("First light")
    assert row[Labels.WHEN].startswith(QUARTERS)
    assert (row[Labels.SEED], row[Labels.OWNER], row[Labels.LAST]) == ("77", "operator", Labels.NOT_YET)
    assert row.part.state == "up"
    for query in ("standing=paused", "scenario=flash-sale"):
        nothing = viewer.page(f"/scenarios/schedules/?{query}")
        assert (nothing.is_empty, nothing.tables) == (True, []), query
    (found,) = viewer.page("/scenarios/schedules/?standing=on&scenario=first-light").table().rows
    assert found[Labels.WHEN].startswith(QUARTERS)
    assert viewer.get("/scenarios/schedules/?cursor=x").status_code == 422


def test_a_schedule_shows_its_next_three_times_and_what_became_of_the_last(
    viewer: Visitor, schedule: RunSchedule
) -> None:
    address = f"/scenarios/schedules/{schedule.pk}/"
    page = viewer.page(address)
    assert len(re.findall(r"\d\d:\d\d:00 UTC", page.fact(Labels.NEXT))) == 3
    run = ScenarioRun.objects.get()
    skipped, started, missed = page.table().rows
    assert [row.part.state for row in (skipped, started, missed)] == ["skipped", "waiting", "missed"]
    for row in (skipped, started):
        assert f"/scenarios/runs/{run.pk}/" in row.part.links.values()
    assert "still waiting" in skipped[Labels.WHY]
    assert missed[Labels.TIME].startswith("2 ")
    assert "was down" in missed[Labels.WHY]
    assert not page.offers(Labels.PAUSE)
    assert not page.offers(Labels.DELETE)
    RunSchedule.objects.update(next_at=timezone.now() - timedelta(seconds=40))
    assert viewer.page(address).has("overdue")
    RunSchedule.objects.update(next_at=timezone.now() + timedelta(seconds=40))
    assert not viewer.page(address).has("overdue")
    assert [row.part.state for row in viewer.page(f"{address}?outcome=missed").table().rows] == ["missed"]
    assert viewer.page(f"{address}?outcome=refused").is_empty
    # And the ways to it: from the run, the lists and the scenario.
    for other in (f"/scenarios/runs/{run.pk}/", "/scenarios/runs/", "/scenarios/", "/scenarios/first-light/"):
        assert address in viewer.page(other).links.values(), other


def test_a_schedule_is_made_with_the_form(operator: Visitor, viewer: Visitor) -> None:
    assert viewer.get(NEW).status_code == 403
    form = operator.page(NEW + "&version=1")
    assert form.field("version").choices[form.field("version").value] == "First light, version 1"
    save = form.action(Labels.CREATE)
    for _ in range(2):
        assert save.press(**FILLED)["Location"] == f"/scenarios/schedules/{save.fields['request_id']}/"
    made = RunSchedule.objects.get()
    assert (made.cron, made.once_at, made.seed) == (QUARTERS, None, None)
    assert operator.get("/scenarios/schedules/new/?scenario=none").status_code == 404
    assert operator.get("/scenarios/schedules/new/").status_code == 404


def test_one_time_is_in_the_persons_zone(operator: Visitor, operator_user: User) -> None:
    User.objects.filter(pk=operator_user.pk).update(time_zone="Asia/Tokyo")
    assert "Asia/Tokyo" in operator.page(NEW)
    at = (timezone.now() + timedelta(days=2)).replace(hour=0, minute=30, second=0, microsecond=0, tzinfo=None)
    once = {**FILLED, "kind": "once", "at": at.isoformat(timespec="minutes"), "cron": "left over"}
    assert operator.post(NEW, {**once, "seeds": "fixed", "seed": "8"}).status_code == 302
    made = RunSchedule.objects.get()
    assert (made.cron, made.once_at, made.seed) == ("", at.replace(tzinfo=UTC) - timedelta(hours=9), 8)
    change = f"/scenarios/schedules/{made.pk}/change/"
    assert operator.page(change).field("at").value == f"{at:%Y-%m-%dT%H:%M:%S}"


@pytest.mark.parametrize(
    ("wrong", "name", "says"),
    [
        ({"cron": "0 25 * * *"}, "cron", "Invalid hour '25'"),
        ({"cron": "0 6 1 * mon"}, "cron", "Set one of them to *"),
        ({"cron": ""}, "cron", "Enter when to run"),
        ({"kind": "once", "at": ""}, "at", "Enter when to run"),
        ({"kind": "once", "at": "tomorrow"}, "at", "Invalid time"),
        ({"kind": "once", "at": "2020-01-01T00:00"}, "at", "is in the past. Set a future time."),
        ({"kind": "never"}, "kind", "valid choice"),
        ({"seeds": "fixed"}, "seed", "Enter a whole number"),
        ({"seeds": "fixed", "seed": "-1"}, "seed", "greater than or equal to 0"),
        ({"version": "99"}, "version", "valid choice"),
        ({"cron": "<script>alert(1)</script>"}, "cron", "Expected 5 fields"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(
    operator: Visitor, wrong: dict[str, str], name: str, says: str
) -> None:
    answer = operator.post(NEW, {**FILLED, **wrong})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [name]
    page = Page.of(answer)
    assert says in page
    if name in ("cron", "at", "seed"):
        assert says in page.field(name).errors
        assert page.field(name).value == {**FILLED, **wrong}[name]
    assert "<script>alert" not in page.html
    assert not RunSchedule.objects.exists()


def test_a_schedule_is_changed_paused_resumed_and_deleted(operator: Visitor, schedule: RunSchedule) -> None:
    address = f"/scenarios/schedules/{schedule.pk}/"
    form = operator.page(f"{address}change/")
    assert form.field("cron").value == QUARTERS
    assert form.action(Labels.SAVE).press(cron="0 6 * * 8").status_code == 422
    assert form.action(Labels.SAVE).press(cron="0 6 * * *")["Location"] == address
    page = operator.page(address)
    assert page.fact(Labels.WHEN).startswith("0 6 * * *")
    assert (page.state, page.offers(Labels.RESUME)) == ("up", False)
    page.action(Labels.PAUSE).press()
    paused = operator.page(address)
    assert (paused.state, paused.offers(Labels.PAUSE)) == ("waiting", False)
    assert "UTC" not in paused.fact(Labels.NEXT)
    paused.action(Labels.RESUME).press()
    resumed = operator.page(address)
    assert (resumed.state, resumed.offers(Labels.PAUSE)) == ("up", True)
    delete = resumed.action(Labels.DELETE)
    assert delete.question
    assert delete.press()["Location"] == "/scenarios/schedules/"
    assert operator.get(address).status_code == 404
    assert ScenarioRun.objects.exists()


def test_a_schedule_that_paused_itself_says_why(admin: Visitor, operator_user: User, schedule: RunSchedule) -> None:
    User.objects.filter(pk=operator_user.pk).update(role=Role.VIEWER)
    ScenarioRun.objects.update(state=WorkState.SUCCEEDED)
    assert schedule.next_at is not None
    schedule_start_due(schedule.pk, schedule.next_at)
    page = admin.page(f"/scenarios/schedules/{schedule.pk}/")
    schedule.refresh_from_db()
    assert schedule.paused_because in page.part("paused-because")
    assert "become its owner" in schedule.paused_because
    assert (page.state, page.offers(Labels.RESUME)) == ("waiting", False)


def test_a_viewer_changes_nothing_and_nobody_does_by_get(
    operator: Visitor, viewer: Visitor, schedule: RunSchedule
) -> None:
    page = f"/scenarios/schedules/{schedule.pk}/"
    for act in ("change", "pause", "resume", "delete"):
        assert viewer.post(f"{page}{act}/", FILLED).status_code == 403, act
        if act != "change":
            assert operator.get(f"{page}{act}/").status_code == 405, act
    assert viewer.get(f"{page}change/").status_code == 403
    assert RunSchedule.objects.get() == schedule


def test_pages_need_a_person_and_carry_no_inline_script_or_style(
    client: Client, operator: Visitor, schedule: RunSchedule
) -> None:
    page = f"/scenarios/schedules/{schedule.pk}/"
    for address in ("/scenarios/schedules/", NEW, page, f"{page}change/", "/scenarios/schedules/times/"):
        assert client.get(address).status_code == 302, address
        answer = operator.get(address)
        assert answer.status_code == 200, address
        text = answer.content.decode()
        for inline in (' style="', "onclick", "<script>"):
            assert inline not in text, address


def test_the_form_shows_the_next_times_while_one_writes(viewer: Visitor) -> None:
    address = "/scenarios/schedules/times/"
    nothing = viewer.get(address)
    assert (nothing.status_code, nothing.content.strip()) == (200, b"")
    shown = viewer.page(f"{address}?cron=0+6+29+2+*")
    assert len(re.findall(r"\d{4}-02-29 06:00:00 UTC", shown.text)) == 3
    assert "Invalid hour '99'" in viewer.page(f"{address}?cron=0+99+*+*+*")


def _send(client: Client, method: str, address: str, body: Any = None, **headers: str) -> Any:
    return client.generic(
        method, f"/api/v1{address}", json.dumps(body or {}), content_type="application/json", headers=headers
    )


def test_the_api_does_what_the_pages_do(operator: Visitor) -> None:
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
    assert (made["seed"], made["standing"], made["owner"], len(made["next"])) == (4, "on", "operator", 3)
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


def test_the_api_says_what_became_of_its_times(viewer: Visitor, schedule: RunSchedule) -> None:
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
        ("POST", "/scenarios/first-light/schedules", {"cron": "99 * * * *"}, 422, "Invalid minute '99'"),
        (
            "POST",
            "/scenarios/first-light/schedules",
            {"at": "2036-01-01T00:00:00"},
            422,
            "at: The time zone is missing",
        ),
        ("POST", "/scenarios/first-light/schedules", {"cron": QUARTERS, "seed": -1}, 422, "seed"),
        (
            "POST",
            "/scenarios/first-light/schedules",
            {"cron": QUARTERS, "version": 9},
            404,
            "Version 9 of scenario first-light",
        ),
        ("PUT", f"/scenario-schedules/{NOWHERE}", {"cron": QUARTERS}, 404, "does not exist"),
        ("DELETE", f"/scenario-schedules/{NOWHERE}", {}, 404, "does not exist"),
    ],
)
def test_the_api_says_what_is_wrong(
    operator: Visitor, method: str, address: str, body: dict[str, Any], status: int, says: str
) -> None:
    answer = _send(operator, method, address, body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
    assert answer.json()["error"]["remedy"]
    assert not RunSchedule.objects.exists()


def test_the_api_asks_for_the_role(viewer: Visitor, schedule: RunSchedule) -> None:
    assert viewer.get(f"/api/v1/scenario-schedules/{schedule.pk}").status_code == 200
    assert _send(viewer, "POST", "/scenarios/first-light/schedules", {"cron": QUARTERS}).status_code == 403
    for method, act in (("PUT", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        body = {"cron": QUARTERS}
        assert _send(viewer, method, f"/scenario-schedules/{schedule.pk}{act}", body).status_code == 403, act
