"""Deactivation ends at once all that a person could act by. Each test shows one of the things; the service is one."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.test import Client, RequestFactory

from controlplane.accounts.account_links import open_links
from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.invitations import invitation_renew, person_invite, reset_link_create
from controlplane.accounts.models import ApiToken, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.services import command_line, person_change, token_create
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.services import Wanted, schedule_create
from controlplane.scenarios.schedules.starting import schedules_start_due
from controlplane.scenarios.services import library_sync, scenario_run_start
from controlplane.web import sse
from tests.accounts.signed_in import bearer, in_session, send, session_of
from tests.adapters import Adapters
from tests.people import person
from tests.scenarios.requests import Requests

pytestmark = pytest.mark.django_db
SYSTEM = command_line("tests")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_broker(adapters: Adapters) -> None:
    adapters.use(task_sender=Requests())


def deactivate(someone: User) -> dict[str, Any]:
    """Deactivate by the API as an admin does; gives what the audit says of it."""
    client = in_session(Role.ADMIN)
    assert send(client, f"/people/{someone.username}", {"active": False}, "patch").json()["active"] is False
    detail = AuditEntry.objects.filter(action="person.change").latest("at").detail
    return dict(detail)


def test_sessions_end() -> None:
    operator = person(Role.OPERATOR)
    clients = [session_of(operator) for _ in range(2)]
    assert deactivate(operator)["sessions_ended"] == 2
    assert [client.get("/settings/").status_code for client in clients] == [302, 302]
    assert not UserSession.objects.filter(user=operator).exists()


def test_tokens_end_for_good() -> None:
    operator = person(Role.OPERATOR)
    text = token_create(actor=operator, name="export")[1]
    assert deactivate(operator)["tokens_revoked"] == 1
    person_change(actor=SYSTEM, person=operator, role=Role.OPERATOR, active=True)
    assert (bearer(text).get("/api/v1/me").status_code, ApiToken.objects.get().state) == (401, "revoked")


def test_an_invitation_and_a_reset_link_end_for_good() -> None:
    operator = person(Role.OPERATOR)
    reset_link_create(actor=SYSTEM, person=operator)
    grace = person_invite(actor=SYSTEM, username="grace", role=Role.VIEWER).link.person
    assert open_links().count() == 2
    assert deactivate(operator)["links_revoked"] == 1
    person_change(actor=SYSTEM, person=grace, role=Role.VIEWER, active=False)
    for someone in (operator, grace):
        person_change(actor=SYSTEM, person=someone, role=Role.VIEWER, active=True)
    assert open_links().count() == 0
    # The next invitation is another one.
    assert invitation_renew(actor=SYSTEM, person=grace).link.state == "open"


@pytest.mark.django_db(transaction=True)
def test_a_live_stream_ends() -> None:
    operator, admin = person(Role.OPERATOR), person(Role.ADMIN)
    request = RequestFactory().get("/live/")
    request.session = session_of(operator).session
    parts = iter(range(1000))
    response = sse.stream_fragments(request, lambda: {"a": str(next(parts))}, every=0.001)

    def end() -> None:
        person_change(actor=admin, person=operator, role=Role.OPERATOR, active=False)
        connections.close_all()

    async def read() -> list[bytes]:
        stream = response.streaming_content
        assert isinstance(stream, AsyncIterator)
        seen = [await anext(stream), await anext(stream)]
        await sync_to_async(end, thread_sensitive=False)()
        # Whatever was under way is still sent; then it ends by itself.
        return seen + [part async for part in stream]

    seen = asyncio.run(asyncio.wait_for(read(), 30))
    assert seen[1] == b"event: a\ndata: 0\n\n"
    assert len(seen) <= 4


def test_who_is_behind_an_open_websocket_is_nobody_from_then_on() -> None:
    """What the gateway asks every 15 seconds of each; tests/gateway closes real ones by it."""
    operator = person(Role.OPERATOR)
    key, text = str(session_of(operator).session.session_key), token_create(actor=operator, name="export")[1]
    assert (person_behind(session_key=key), person_behind(token=text)) == (operator, operator)
    deactivate(operator)
    assert (person_behind(session_key=key), person_behind(token=text)) == (None, None)


def test_schedules_pause_and_say_why_and_an_operator_takes_them_over() -> None:
    library_sync()
    operator, other = person(Role.OPERATOR), User.objects.create_user(username="otto", role=Role.OPERATOR)
    given = {"slug": "first-light", "wanted": Wanted(cron="*/15 * * * *"), "now": NOON}
    own = schedule_create(actor=operator, request_id=uuid.uuid4(), **given)
    others = schedule_create(actor=other, request_id=uuid.uuid4(), **given)
    paused = schedule_create(actor=operator, request_id=uuid.uuid4(), enabled=False, **given)
    assert deactivate(operator)["schedules_paused"] == 1
    own.refresh_from_db()
    assert (own.standing, own.next_at, own.paused_because) == (
        "paused",
        None,
        "operator, in whose name it ran, was deactivated. An operator who saves the schedule takes it over.",
    )
    for untouched, enabled in ((others, True), (paused, False)):
        untouched.refresh_from_db()
        assert (untouched.enabled, untouched.paused_because) == (enabled, "")
    page = session_of(other).get(f"/scenarios/schedules/{own.pk}/").content.decode()
    assert "was deactivated. An operator who saves the schedule takes it over." in page
    assert with_single_spaces(page).count('operator <span class="text-secondary">(deactivated)</span>') == 1
    person_change(actor=SYSTEM, person=operator, role=Role.OPERATOR, active=True)
    RunSchedule.objects.filter(pk=others.pk).delete()
    assert schedules_start_due(NOON.replace(hour=13)) == []


def test_runs_that_wait_stop_and_those_under_way_go_on() -> None:
    library_sync()
    operator, other = person(Role.OPERATOR), User.objects.create_user(username="otto", role=Role.OPERATOR)
    own, theirs, begun = (
        scenario_run_start(actor=one, slug="first-light", request_id=uuid.uuid4())
        for one in (operator, other, operator)
    )
    ScenarioRun.objects.filter(pk=begun.pk).update(state=RunState.RUNNING, started_at=NOON)
    assert deactivate(operator)["queued_runs_stopped"] == 1
    own.refresh_from_db()
    assert (own.state, own.message) == (
        "stopped",
        "Stopped before it began: operator, who requested it, was deactivated.",
    )
    assert own.finished_at is not None
    assert [ScenarioRun.objects.get(pk=run.pk).state for run in (theirs, begun)] == ["waiting", "running"]


def test_requests_that_nobody_has_taken_up_are_withdrawn() -> None:
    operator = person(Role.OPERATOR)
    SparkJob.objects.create(job="bronze.compact", requested_by="operator")
    SparkJob.objects.create(job="bronze.compact", requested_by="operator", attempts=1)
    SparkJob.objects.create(job="bronze.compact", requested_by="otto")
    DagRun.objects.create(dag_id="medallion", run_id="manual__1", requested_by="operator")
    DagRun.objects.create(dag_id="medallion", run_id="manual__2", requested_by="operator", sent_at=NOON)
    assert deactivate(operator)["queued_requests_withdrawn"] == 2
    why = "Not started: operator, who requested it, was deactivated."
    assert sorted(SparkJob.objects.values_list("state", "error", "attempts")) == [
        ("failed", why, 0),
        ("waiting", "", 0),
        ("waiting", "", 1),
    ]
    assert list(DagRun.objects.order_by("run_id").values_list("state", "message")) == [("failed", why), ("waiting", "")]


def test_the_page_says_before_what_would_end_in_numbers() -> None:
    operator, admin = person(Role.OPERATOR), in_session(Role.ADMIN)

    def asked() -> str:
        page = admin.get("/people/by-name/operator/").content.decode()
        (said,) = re.findall(r'title="Deactivate operator\?" data-confirm="(.*?)\. This can', page)
        return str(said)

    assert asked() == "operator has no sessions, valid tokens or open links"
    session_of(operator)
    assert asked() == "1 session of operator ends at once"
    session_of(operator)
    for number in range(3):
        token_create(actor=operator, name=f"export {number}")
    reset_link_create(actor=SYSTEM, person=operator)
    assert asked() == "2 sessions, 3 tokens and 1 link of operator end at once"
    assert admin.post("/people/by-name/operator/", {"role": "operator"}).status_code == 302
    page = admin.get("/people/by-name/operator/").content.decode()
    assert ("Activate</button>" in page, "Deactivate</button>" in page) == (True, False)


def test_it_acts_no_more() -> None:
    operator = person(Role.OPERATOR)
    library_sync()
    deactivate(operator)
    operator.refresh_from_db()
    with pytest.raises(PermissionDenied):
        scenario_run_start(actor=operator, slug="first-light", request_id=uuid.uuid4())


def test_all_of_it_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    operator, client = person(Role.OPERATOR), Client()
    client = session_of(operator)

    def fail(someone: User) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("controlplane.scenarios.deactivation.runs_stop_of", fail)
    with pytest.raises(ZeroDivisionError):
        person_change(actor=SYSTEM, person=operator, role=Role.OPERATOR, active=False)
    assert client.get("/settings/").status_code == 200
    assert User.objects.get(pk=operator.pk).is_active
    assert AuditEntry.objects.latest("at").outcome == "failed"


def with_single_spaces(text: str) -> str:
    """The text with single spaces."""
    return " ".join(text.split())
