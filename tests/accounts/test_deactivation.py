"""Deactivation ends at once all that a person could act by. Each test shows one of the things; the service is one."""

import asyncio
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
from controlplane.accounts.signals import person_deactivated
from controlplane.leases import WorkState
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.scenarios.documents.services import library_sync
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.services import scenario_run_start
from controlplane.scenarios.schedules.models import RunSchedule
from controlplane.scenarios.schedules.services import Wanted, schedule_create
from controlplane.scenarios.schedules.starting import schedules_start_due
from controlplane.web import sse
from tests.accounts.clients import bearer, send
from tests.adapters import Adapters
from tests.labels import People
from tests.pages import Visitor
from tests.people import person, visitor
from tests.scenarios.requests import Requests

pytestmark = pytest.mark.django_db
SYSTEM = command_line("tests")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_broker(adapters: Adapters) -> None:
    adapters.use(task_sender=Requests())


def deactivate(someone: User) -> dict[str, Any]:
    """Deactivate by the API as an admin does; gives what the audit says of it."""
    client = visitor(person(Role.ADMIN))
    assert send(client, f"/people/{someone.username}", {"active": False}, "patch").json()["active"] is False
    detail = AuditEntry.objects.filter(action="person.change").latest("at").detail
    return dict(detail)


def test_sessions_end(operator_user: User) -> None:
    clients = [visitor(operator_user) for _ in range(2)]
    assert deactivate(operator_user)["sessions_ended"] == 2
    assert [client.get("/settings/").status_code for client in clients] == [302, 302]
    assert not UserSession.objects.filter(user=operator_user).exists()


def test_tokens_end_for_good(operator_user: User) -> None:
    text = token_create(actor=operator_user, name="export")[1]
    assert deactivate(operator_user)["tokens_revoked"] == 1
    person_change(actor=SYSTEM, person=operator_user, role=Role.OPERATOR, active=True)
    assert (bearer(text).get("/api/v1/me").status_code, ApiToken.objects.get().state) == (401, "revoked")


def test_an_invitation_and_a_reset_link_end_for_good(operator_user: User) -> None:
    reset_link_create(actor=SYSTEM, person=operator_user)
    grace = person_invite(actor=SYSTEM, username="grace", role=Role.VIEWER).link.person
    assert open_links().count() == 2
    assert deactivate(operator_user)["links_revoked"] == 1
    person_change(actor=SYSTEM, person=grace, role=Role.VIEWER, active=False)
    for someone in (operator_user, grace):
        person_change(actor=SYSTEM, person=someone, role=Role.VIEWER, active=True)
    assert open_links().count() == 0
    # The next invitation is another one.
    assert invitation_renew(actor=SYSTEM, person=grace).link.state == "open"


@pytest.mark.django_db(transaction=True)
def test_a_live_stream_ends(admin_user: User, operator_user: User) -> None:
    request = RequestFactory().get("/live/")
    request.session = visitor(operator_user).session
    parts = iter(range(1000))
    response = sse.stream_fragments(request, lambda: {"a": str(next(parts))}, every=0.001)

    def end() -> None:
        person_change(actor=admin_user, person=operator_user, role=Role.OPERATOR, active=False)
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


def test_who_is_behind_an_open_websocket_is_nobody_from_then_on(operator_user: User) -> None:
    """What the gateway asks every 15 seconds of each; tests/gateway closes real ones by it."""
    key, text = str(visitor(operator_user).session.session_key), token_create(actor=operator_user, name="export")[1]
    assert (person_behind(session_key=key), person_behind(token=text)) == (operator_user, operator_user)
    deactivate(operator_user)
    assert (person_behind(session_key=key), person_behind(token=text)) == (None, None)


def test_schedules_pause_and_say_why_and_an_operator_takes_them_over(operator_user: User) -> None:
    library_sync()
    other = User.objects.create_user(username="otto", role=Role.OPERATOR)
    given = {"slug": "first-light", "wanted": Wanted(cron="*/15 * * * *"), "now": NOON}
    own = schedule_create(actor=operator_user, request_id=uuid.uuid4(), **given)
    others = schedule_create(actor=other, request_id=uuid.uuid4(), **given)
    paused = schedule_create(actor=operator_user, request_id=uuid.uuid4(), enabled=False, **given)
    assert deactivate(operator_user)["schedules_paused"] == 1
    own.refresh_from_db()
    assert (own.standing, own.next_at, own.paused_because) == (
        "paused",
        None,
        "The owner operator was deactivated. To become its owner, an operator can save the schedule.",
    )
    for untouched, enabled in ((others, True), (paused, False)):
        untouched.refresh_from_db()
        assert (untouched.enabled, untouched.paused_because) == (enabled, "")
    page = visitor(other).page(f"/scenarios/schedules/{own.pk}/")
    assert own.paused_because in page
    assert page.text.count("operator (deactivated)") == 1
    person_change(actor=SYSTEM, person=operator_user, role=Role.OPERATOR, active=True)
    RunSchedule.objects.filter(pk=others.pk).delete()
    assert schedules_start_due(NOON.replace(hour=13)) == []


def test_runs_that_wait_stop_and_those_under_way_go_on(operator_user: User) -> None:
    library_sync()
    other = User.objects.create_user(username="otto", role=Role.OPERATOR)
    own, theirs, begun = (
        scenario_run_start(actor=one, slug="first-light", request_id=uuid.uuid4())
        for one in (operator_user, other, operator_user)
    )
    ScenarioRun.objects.filter(pk=begun.pk).update(state=WorkState.RUNNING, started_at=NOON)
    assert deactivate(operator_user)["queued_runs_stopped"] == 1
    own.refresh_from_db()
    assert (own.state, own.message) == (
        "stopped",
        "Stopped before it started: operator, who requested it, was deactivated.",
    )
    assert own.finished_at is not None
    assert [ScenarioRun.objects.get(pk=run.pk).state for run in (theirs, begun)] == ["waiting", "running"]


def test_requests_that_nobody_has_taken_up_are_withdrawn(operator_user: User) -> None:
    SparkJob.objects.create(job="bronze.compact", requested_by="operator")
    SparkJob.objects.create(job="bronze.compact", requested_by="operator", attempts=1)
    SparkJob.objects.create(job="bronze.compact", requested_by="otto")
    DagRun.objects.create(dag_id="medallion", run_id="manual__1", requested_by="operator")
    DagRun.objects.create(dag_id="medallion", run_id="manual__2", requested_by="operator", sent_at=NOON)
    assert deactivate(operator_user)["queued_requests_withdrawn"] == 2
    why = "Not started: the user operator, who requested it, was deactivated."
    assert sorted(SparkJob.objects.values_list("state", "error", "attempts")) == [
        ("failed", why, 0),
        ("waiting", "", 0),
        ("waiting", "", 1),
    ]
    assert list(DagRun.objects.order_by("run_id").values_list("state", "message")) == [("failed", why), ("waiting", "")]


def test_the_page_says_before_what_would_end_in_numbers(admin: Visitor, operator_user: User) -> None:

    def asked() -> str:
        said, _, _ = admin.page("/people/by-name/operator/").action(People.DEACTIVATE).question.partition(". ")
        return said

    assert asked() == "operator has no sessions, valid tokens or open links"
    visitor(operator_user)
    assert asked() == "1 session of operator ends at once"
    visitor(operator_user)
    for number in range(3):
        token_create(actor=operator_user, name=f"export {number}")
    reset_link_create(actor=SYSTEM, person=operator_user)
    assert asked() == "2 sessions, 3 tokens and 1 link of operator end at once"
    assert admin.post("/people/by-name/operator/", {"role": "operator"}).status_code == 302
    page = admin.page("/people/by-name/operator/")
    assert (page.offers(People.ACTIVATE), page.offers(People.DEACTIVATE)) == (True, False)


def test_it_acts_no_more(operator_user: User) -> None:
    library_sync()
    deactivate(operator_user)
    operator_user.refresh_from_db()
    with pytest.raises(PermissionDenied):
        scenario_run_start(actor=operator_user, slug="first-light", request_id=uuid.uuid4())


def test_all_of_it_or_nothing(operator_user: User) -> None:
    client = Client()
    client = visitor(operator_user)

    def fail(**_: Any) -> None:
        raise ZeroDivisionError

    # A room more, which is told last.
    person_deactivated.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError):
            person_change(actor=SYSTEM, person=operator_user, role=Role.OPERATOR, active=False)
    finally:
        person_deactivated.disconnect(fail)
    assert client.get("/settings/").status_code == 200
    assert User.objects.get(pk=operator_user.pk).is_active
    assert AuditEntry.objects.latest("at").outcome == "failed"
