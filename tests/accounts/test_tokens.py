"""Tokens expire, do no more than their scope says, and make no tokens."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import audited, person_change, token_create
from controlplane.errors import InvalidInputError
from tests.accounts.clients import GOOD, RIGHT, bearer, by_token, send
from tests.labels import OwnSettings
from tests.pages import Visitor
from tests.people import visitor

pytestmark = pytest.mark.django_db


def test_a_token_expires_and_says_so(viewer_user: User) -> None:
    row, text = token_create(actor=viewer_user, name="export")
    assert row.expires_at is not None
    assert timedelta(days=90) - (row.expires_at - timezone.now()) < timedelta(minutes=1)
    assert bearer(text).get("/api/v1/me").status_code == 200
    ApiToken.objects.update(expires_at=timezone.now())
    assert bearer(text).get("/api/v1/me").status_code == 401
    client = visitor(viewer_user)
    assert client.get("/api/v1/me/tokens").json()["items"][0]["state"] == "expired"
    assert client.page("/settings/").table(OwnSettings.TOKENS).column(OwnSettings.STATE) == ["expired"]
    # Its name is free for its successor.
    assert send(client, "/me/tokens", {"name": "export"}).status_code == 201


def test_scope_and_days_are_chosen_on_the_page_and_in_the_api(operator: Visitor) -> None:
    assert list(operator.page("/settings/").field("scope").choices) == ["read", "operate"]
    operator.post("/settings/tokens/", {"name": "page", "scope": "operate", "days": "365"})
    assert send(operator, "/me/tokens", {"name": "api", "scope": "operate", "days": 1}).status_code == 201
    assert send(operator, "/me/tokens", {"name": "plain"}).json()["scope"] == "read"
    assert [
        (one.name, one.scope, round((one.expires_at - one.created_at) / timedelta(days=1)))
        for one in ApiToken.objects.order_by("name")
        if one.expires_at
    ] == [("api", "operate", 1), ("page", "operate", 365), ("plain", "read", 90)]


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_days_out_of_bounds_are_refused(days: int, viewer: Visitor) -> None:
    answer = send(viewer, "/me/tokens", {"name": "export", "days": days})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, f"days: must be 1 to 365, is {days}.")
    assert viewer.post("/settings/tokens/", {"name": "x", "scope": "read", "days": days}).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_scope_beyond_ones_role_is_refused(operator_user: User) -> None:
    with pytest.raises(InvalidInputError, match=r"scope: admin exceeds the role operator"):
        token_create(actor=operator_user, name="export", scope=Scope.ADMIN)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("scope", list(Scope))
def test_the_effective_role_is_the_lower_one_of_role_and_scope(role: Role, scope: Scope, admin_user: User) -> None:
    text = token_create(actor=admin_user, name="export", scope=scope)[1]
    User.objects.update(role=role)
    behind = person_behind(token=text)
    assert behind is not None
    order = list(Role)
    assert order.index(behind.effective_role) == min(order.index(role), list(Scope).index(scope))
    assert [behind.has_role(one) for one in Role] == [
        order.index(one) <= order.index(behind.effective_role) for one in Role
    ]


def test_a_scope_holds_in_every_room() -> None:
    client = by_token(Role.ADMIN, Scope.READ)
    answers = [
        send(client, "/stream/start"),
        send(client, "/ledger/recount"),
        send(client, "/people", {"username": "grace", "password": GOOD}),
        client.get("/api/v1/people"),
        send(client, "/me", {"time_zone": "Europe/Berlin"}, "patch"),
    ]
    assert [one.status_code for one in answers] == [403] * 5
    assert User.objects.get().time_zone == "UTC"
    refused = AuditEntry.objects.filter(action="stream.start").latest("at")
    assert (refused.outcome, refused.detail["needs"], refused.detail["has"]) == ("refused", "operator", "viewer")


def test_what_a_token_did_names_the_token(operator_user: User) -> None:
    row, text = token_create(actor=operator_user, name="export")
    behind = person_behind(token=text)
    assert behind is not None
    with audited(actor=behind, action="x.do", target="x"):
        pass
    entry = AuditEntry.objects.latest("at")
    assert (entry.via, entry.credential, entry.detail) == ("token", str(row), {})


@pytest.mark.parametrize("scope", [Scope.ADMIN, Scope.PEOPLE])
def test_a_token_makes_lists_and_revokes_no_tokens_and_changes_no_passwords(scope: Scope, viewer_user: User) -> None:
    client = by_token(Role.ADMIN, scope)
    (row,) = ApiToken.objects.all()
    answers = [
        client.get("/api/v1/me/tokens"),
        send(client, "/me/tokens", {"name": "another"}),
        client.delete(f"/api/v1/me/tokens/{row.pk}"),
        client.get("/api/v1/people/viewer/tokens"),
        client.delete(f"/api/v1/people/viewer/tokens/{row.pk}"),
        client.delete("/api/v1/people/viewer/tokens/999999"),
        send(client, "/me", {"current_password": RIGHT, "password": GOOD}, "patch"),
        send(client, "/people/viewer", {"email": "a@example.org", "role": "admin"}, "patch"),
        send(client, "/people/viewer/reset-link"),
        send(client, "/people/viewer/tokens", {"name": "another"}),
    ]
    assert {(one.status_code, one.json()["error"]["code"]) for one in answers} == {(403, "session_needed")}
    assert all("Sign in to the web interface" in one.json()["error"]["remedy"] for one in answers)
    assert (ApiToken.objects.count(), ApiToken.objects.get().revoked_at) == (1, None)
    viewer = User.objects.get(username="viewer")
    assert (viewer.role, viewer.check_password(RIGHT)) == ("viewer", True)
    assert client.get("/api/v1/me").status_code == 200


def test_a_token_adds_and_changes_users_only_with_the_scope_people(viewer_user: User) -> None:
    client = by_token(Role.ADMIN)
    assert ApiToken.objects.get().scope == Scope.ADMIN
    answers = [
        send(client, "/people", {"username": "grace", "password": GOOD}),
        send(client, "/people/viewer", {"role": "admin"}, "patch"),
        send(client, "/people/viewer", {"active": False}, "patch"),
        send(client, "/invitations", {"username": "grace", "role": "admin"}),
    ]
    assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [(403, "forbidden")] * 4
    assert answers[0].json()["error"]["message"] == (
        "This action requires a session, or a token with the scope people. The scope of the token is admin."
    )
    refused = AuditEntry.objects.filter(outcome="refused").order_by("sequence")
    assert [(one.action, one.detail["needs"], one.detail["has"]) for one in refused] == [
        (action, "people", "admin") for action in ("person.create", "person.change", "person.change", "person.invite")
    ]
    viewer_user.refresh_from_db()
    assert (viewer_user.role, viewer_user.is_active, User.objects.count()) == ("viewer", True, 2)


def test_deactivation_is_for_good_for_tokens(admin_user: User, viewer_user: User) -> None:
    text = token_create(actor=viewer_user, name="export")[1]
    for active in (False, True):
        person_change(actor=admin_user, person=viewer_user, role=Role.VIEWER, active=active)
        assert bearer(text).get("/api/v1/me").status_code == 401


def test_the_token_of_the_first_start_manages_users_for_90_days(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    said = {"username": "admin", "password": "a-random-password", "api_token": "lh_of-the-file"}
    (tmp_path / "credentials.json").write_text(json.dumps(said))
    call_command("first_admin")
    row = ApiToken.objects.get()
    assert (row.scope, row.state) == ("people", "valid")
    assert timedelta(days=90) - (row.expires_at - timezone.now()) < timedelta(minutes=1)
    client = bearer("lh_of-the-file")
    assert send(client, "/people", {"username": "grace", "password": GOOD}).status_code == 201
    assert client.get("/api/v1/people").status_code == 200
    assert send(client, "/me/tokens", {"name": "another"}).json()["error"]["code"] == "session_needed"


def test_a_deactivated_owner_may_nothing_whatever_the_scope(admin_user: User) -> None:
    behind = person_behind(token=token_create(actor=admin_user, name="export")[1])
    assert behind is not None
    behind.is_active = False
    with pytest.raises(PermissionDenied), audited(actor=behind, action="x.do", target="x"):
        pytest.fail("was let in")
