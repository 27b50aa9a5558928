"""People, tokens and the audit over the API, and who may use it how."""

import pytest
from django.test import Client

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import token_create
from tests.accounts.clients import GOOD, bearer, by_token, send
from tests.pages import Visitor
from tests.people import visitor

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer lh_wrong"}])
def test_without_a_valid_token_it_is_401_in_json(method: str, header: dict[str, str]) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)("/api/v1/people", headers=header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


def test_a_page_may_read_with_its_session_and_write_with_its_csrf_token(admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.get("/api/v1/me").json()["username"] == "admin"
    body = {"username": "grace", "password": GOOD}
    assert send(client, "/people", body).status_code == 403
    client.get("/settings/")
    (name,) = [name for name in client.cookies if "csrf" in name]
    token = client.cookies[name].value
    made = client.post("/api/v1/people", body, content_type="application/json", headers={"X-CSRFToken": token})
    assert made.status_code == 201


def test_people_are_listed_added_and_changed() -> None:
    client = by_token(Role.ADMIN, Scope.PEOPLE)
    made = send(client, "/people", {"username": "grace", "password": GOOD, "role": "operator"})
    assert made.json() == {
        "username": "grace",
        "kind": "person",
        "role": "operator",
        "state": "active",
        "active": True,
        "email": "",
        "owner": None,
        "orphaned": False,
        "description": "",
        "last_sign_in": None,
        "time_zone": "UTC",
        "signs_in_with": ["password"],
        "identity": None,
        "second_factor": False,
    }
    changed = send(client, "/people/grace", {"active": False}, "patch").json()
    assert (changed["role"], changed["active"]) == ("operator", False)
    first = client.get("/api/v1/people?limit=1").json()
    second = client.get(f"/api/v1/people?limit=1&cursor={first['next']}").json()
    assert [one["items"][0]["username"] for one in (first, second)] == ["admin", "grace"]
    assert second["next"] is None


def test_who_may_not_is_told_what_is_missing() -> None:
    client = by_token(Role.OPERATOR)
    answers = [
        client.get("/api/v1/people"),
        send(client, "/people", {"username": "grace", "password": GOOD}),
        send(client, "/people/operator", {"role": "admin"}, "patch"),
        send(client, "/people/nobody", {"role": "admin"}, "patch"),
    ]
    assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [(403, "forbidden")] * 4
    assert User.objects.get().role == "operator"
    assert AuditEntry.objects.filter(outcome="refused").count() == 3


def test_an_admin_sees_and_ends_anothers_tokens(admin: Visitor, operator: Visitor, viewer_user: User) -> None:
    row, text = token_create(actor=viewer_user, name="hers")
    (listed,) = admin.get("/api/v1/people/viewer/tokens").json()["items"]
    assert (listed["id"], listed["name"], text in str(listed)) == (row.pk, "hers", False)
    for refused in (
        operator.get("/api/v1/people/viewer/tokens"),
        operator.delete(f"/api/v1/people/viewer/tokens/{row.pk}"),
        operator.delete("/api/v1/people/viewer/tokens/999999"),
    ):
        assert refused.status_code == 403
    assert AuditEntry.objects.filter(action="token.revoke", outcome="refused").count() == 2
    assert admin.delete(f"/api/v1/people/admin/tokens/{row.pk}").status_code == 404
    row.refresh_from_db()
    assert row.revoked_at is None
    assert [admin.delete(f"/api/v1/people/viewer/tokens/{row.pk}").status_code for _ in range(2)] == [204, 204]
    assert bearer(text).get("/api/v1/me").status_code == 401
    assert admin.get("/api/v1/people/nobody/tokens").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"username": "grace", "password": "short"}, 422, "invalid"),
        ({"username": "grace"}, 422, "invalid"),
        ({"username": "grace", "password": GOOD, "role": "king"}, 422, "invalid"),
    ],
)
def test_wrong_input_names_the_field(body: dict[str, str], status: int, code: str) -> None:
    answer = send(by_token(Role.ADMIN, Scope.PEOPLE), "/people", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"].split(":")[0].split(".")[-1] in ("password", "role")


def test_what_does_not_exist_is_404_in_the_same_form() -> None:
    answer = send(by_token(Role.ADMIN), "/people/nobody", {"role": "viewer"}, "patch")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_token_is_made_used_and_revoked(viewer: Visitor) -> None:
    made = send(viewer, "/me/tokens", {"name": "export"}).json()
    other = bearer(made["token"])
    assert other.get("/api/v1/me").status_code == 200
    assert viewer.delete(f"/api/v1/me/tokens/{made['id']}").status_code == 204
    assert other.get("/api/v1/me").status_code == 401
    assert [(one["name"], one["state"]) for one in viewer.get("/api/v1/me/tokens").json()["items"]] == [
        ("export", "revoked")
    ]


def test_the_token_of_who_was_deactivated_is_worth_nothing() -> None:
    client = by_token(Role.VIEWER)
    User.objects.update(is_active=False)
    assert client.get("/api/v1/me").status_code == 401


def test_ones_own_settings(viewer_user: User) -> None:
    client, elsewhere = visitor(viewer_user), visitor(viewer_user)
    body = {"time_zone": "Europe/Berlin", "current_password": "x" * 16, "password": GOOD}
    assert send(client, "/me", body, "patch").json()["time_zone"] == "Europe/Berlin"
    assert User.objects.get().check_password(GOOD)
    assert (client.get("/api/v1/me").status_code, elsewhere.get("/api/v1/me").status_code) == (200, 401)


def test_the_audit_is_filtered_and_shows_no_guard() -> None:
    client = by_token(Role.VIEWER)
    Client().post("/sign-in/", {"username": "viewer", "password": "wrong"})
    (found,) = client.get("/api/v1/audit?action=person.sign-in&outcome=failed").json()["items"]
    assert {name: found[name] for name in ("actor", "action", "target", "outcome", "detail")} == {
        "actor": "viewer",
        "action": "person.sign-in",
        "target": "viewer",
        "outcome": "failed",
        "detail": {},
    }
    assert {name: found[name] for name in ("address", "via", "credential", "before", "after")} == {
        "address": "127.0.0.1",
        "via": "anonymous",
        "credential": "",
        "before": None,
        "after": None,
    }
    assert client.get("/api/v1/audit?since=yesterday").status_code == 422
    newest = client.get("/api/v1/audit").json()["items"]
    assert client.get("/api/v1/audit?sort=oldest").json()["items"] == newest[::-1]
    assert client.get("/api/v1/audit?until=2020-01-01T00:00:00Z").json() == {"items": [], "next": None}
