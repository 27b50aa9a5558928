"""Every operation and page of accounts by everybody: no unexpected success, and everything that should work does.

Who asks: nobody, each role by session, each role by a token of its widest scope, an admin by a token of each scope, an
expired and a revoked one. The object is another person's (`victor`, a viewer), except where the address says `me`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from controlplane.accounts import urls
from controlplane.accounts.models import ApiToken, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import token_create
from tests.accounts.signed_in import GOOD, RIGHT, bearer, session_of
from tests.accounts.two_step import verified
from tests.people import person

pytestmark = pytest.mark.django_db


def _token(role: Role, scope: Scope | None = None, **changed: Any) -> Client:
    row, text = token_create(actor=person(role), name="tests", scope=scope)
    ApiToken.objects.filter(pk=row.pk).update(**changed)
    return bearer(text)


WHO: dict[str, Callable[[], Client]] = {
    "nobody": Client,
    **{f"{role} in a session": lambda role=role: session_of(person(role)) for role in Role},
    **{f"{role} by token": lambda role=role: _token(role) for role in Role},
    **{
        f"admin by token, {scope}": lambda scope=scope: _token(Role.ADMIN, scope)
        for scope in (Scope.READ, Scope.OPERATE)
    },
    "admin by expired token": lambda: _token(Role.ADMIN, expires_at=timezone.now() - timedelta(seconds=1)),
    "admin by revoked token": lambda: _token(Role.ADMIN, revoked_at=timezone.now()),
}
IN_SESSION = frozenset(f"{role} in a session" for role in Role)
ADMIN_IN_SESSION = frozenset({"admin in a session"})
KNOWN = IN_SESSION | {f"{role} by token" for role in Role} | {"admin by token, read", "admin by token, operate"}
ADMIN = ADMIN_IN_SESSION | {"admin by token"}
# A token of the scope `read` changes nothing; a viewer's has no other.
WRITERS = IN_SESSION | {"operator by token", "admin by token", "admin by token, operate"}


@dataclass(frozen=True)
class Operation:
    """One operation, who may do it, and what a success answers."""

    method: str
    path: str
    may: frozenset[str]
    succeeds: int
    body: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


API = [
    Operation("get", "/me", KNOWN, 200),
    Operation("patch", "/me", WRITERS, 200, {"time_zone": "Asia/Tokyo"}),
    Operation("patch", "/me", IN_SESSION, 200, {"current_password": RIGHT, "password": GOOD}),
    Operation("get", "/me/tokens", IN_SESSION, 200),
    Operation("post", "/me/tokens", IN_SESSION, 201, {"name": "new"}),
    Operation("delete", "/me/tokens/{own_token}", IN_SESSION, 204),
    Operation("delete", "/me/tokens/{token}", frozenset(), 204),
    Operation("get", "/me/sessions", IN_SESSION, 200),
    Operation("delete", "/me/sessions", IN_SESSION, 204),
    Operation("delete", "/me/sessions/{own_session}", IN_SESSION, 204),
    Operation("delete", "/me/sessions/{session}", frozenset(), 204),
    Operation("post", "/me/verification", IN_SESSION, 204, {"password": RIGHT}),
    Operation("get", "/me/second-factors", IN_SESSION, 200),
    Operation("post", "/me/second-factors/totp/key", IN_SESSION, 201),
    # No key is waiting for the code.
    Operation("post", "/me/second-factors/totp", IN_SESSION, 422, {"code": "123456"}),
    Operation("patch", "/me/second-factors/{own_factor}", IN_SESSION, 200, {"name": "phone"}),
    Operation("patch", "/me/second-factors/{factor}", frozenset(), 200, {"name": "phone"}),
    Operation("delete", "/me/second-factors/{own_factor}", IN_SESSION, 204),
    Operation("delete", "/me/second-factors/{factor}", frozenset(), 204),
    Operation("post", "/me/recovery-codes", IN_SESSION, 201),
    Operation("get", "/people", ADMIN, 200),
    Operation("post", "/people", ADMIN, 201, {"username": "grace", "password": GOOD}),
    Operation("patch", "/people/victor", ADMIN, 200, {"role": "admin"}),
    Operation("patch", "/people/victor", ADMIN, 200, {"active": False}),
    Operation("patch", "/people/victor", ADMIN_IN_SESSION, 200, {"password": GOOD}),
    Operation("get", "/people/victor/tokens", ADMIN_IN_SESSION, 200),
    Operation("delete", "/people/victor/tokens/{token}", ADMIN_IN_SESSION, 204),
    Operation("get", "/people/victor/sessions", ADMIN_IN_SESSION, 200),
    Operation("delete", "/people/victor/sessions", ADMIN_IN_SESSION, 204),
    Operation("delete", "/people/victor/sessions/{session}", ADMIN_IN_SESSION, 204),
    Operation("get", "/people/victor/second-factors", ADMIN_IN_SESSION, 200),
    Operation("delete", "/people/victor/second-factors", ADMIN_IN_SESSION, 204),
    Operation("get", "/audit", KNOWN, 200),
]
EVERYBODY = frozenset(WHO)
PAGES = [
    Operation("get", "/sign-in/", EVERYBODY - IN_SESSION, 200),
    # Nobody here is half-way signed in, and no passkey is sent; the address 127.0.0.1 has none (409).
    Operation("get", "/sign-in/second-factor/", EVERYBODY, 302),
    Operation("post", "/sign-in/second-factor/passkey/", EVERYBODY, 409),
    Operation("post", "/sign-in/passkey/options/", EVERYBODY, 409),
    Operation("post", "/sign-in/passkey/", EVERYBODY - IN_SESSION, 401),
    # Who is in a session keeps it; others need a code of a sign-in under another name.
    Operation("get", "/session/", IN_SESSION, 302),
    Operation("post", "/sign-out/", IN_SESSION, 302),
    Operation("get", "/activity/", IN_SESSION, 200),
    Operation("get", "/people/", ADMIN_IN_SESSION, 200),
    Operation("get", "/people/add/", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/add/", ADMIN_IN_SESSION, 302, {"username": "grace", "password": GOOD, "role": "viewer"}),
    Operation("get", "/people/by-name/victor/", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/by-name/victor/", ADMIN_IN_SESSION, 302, {"role": "admin", "active": "on"}),
    Operation("post", "/people/by-name/victor/password/", ADMIN_IN_SESSION, 302, {"password": GOOD}),
    Operation("post", "/people/by-name/victor/sessions/end/", ADMIN_IN_SESSION, 302),
    Operation("post", "/people/by-name/victor/second-factors/reset/", ADMIN_IN_SESSION, 302),
    Operation("get", "/settings/", IN_SESSION, 200),
    Operation("get", "/settings/verify/", IN_SESSION, 200),
    Operation("post", "/settings/verify/", IN_SESSION, 302, {"password": RIGHT}),
    Operation("post", "/settings/verify/passkey/", IN_SESSION, 409),
    Operation("get", "/settings/second-factors/", IN_SESSION, 200),
    Operation("get", "/settings/second-factors/totp/", IN_SESSION, 200),
    Operation("get", "/settings/second-factors/passkeys/", IN_SESSION, 200),
    Operation("post", "/settings/second-factors/passkeys/options/", IN_SESSION, 409),
    Operation("post", "/settings/second-factors/recovery-codes/", IN_SESSION, 200),
    Operation("post", "/settings/second-factors/{own_factor}/rename/", IN_SESSION, 302, {"name": "phone"}),
    Operation("post", "/settings/second-factors/{own_factor}/remove/", IN_SESSION, 302),
    Operation("post", "/settings/password/", IN_SESSION, 302, {"current": RIGHT, "password": GOOD}),
    Operation("post", "/settings/time-zone/", IN_SESSION, 302, {"time_zone": "Asia/Tokyo"}),
    Operation("post", "/settings/tokens/", IN_SESSION, 200, {"name": "new", "scope": "read", "days": "7"}),
    Operation("post", "/settings/tokens/{own_token}/revoke/", IN_SESSION, 302),
    Operation("post", "/settings/tokens/{token}/revoke/", ADMIN_IN_SESSION, 302),
    Operation("post", "/settings/sessions/end/", IN_SESSION, 302),
    Operation("post", "/settings/sessions/{own_session}/end/", IN_SESSION, 302),
    Operation("post", "/settings/sessions/{session}/end/", ADMIN_IN_SESSION, 302),
]


def state() -> dict[str, Any]:
    """What an operation could change, but for the rows of the audit and when something was last used."""
    return {
        "people": list(
            User.objects.order_by("pk").values_list("username", "role", "is_active", "password", "time_zone")
        ),
        "tokens": list(ApiToken.objects.order_by("pk").values_list("pk", "revoked_at")),
        "sessions": set(UserSession.objects.values_list("pk", flat=True)),
        "factors": list(Authenticator.objects.order_by("pk").values_list("pk", "user_id", "data")),
    }


def ready(who: str) -> tuple[Client, dict[str, Any]]:
    """The client of `who`, and what stands for the names in an operation's path."""
    client = WHO[who]()
    victor = User.objects.create_user(username="victor", password=RIGHT)
    session_of(victor)
    token = token_create(actor=victor, name="export")[0]
    own = User.objects.exclude(pk=victor.pk).first() or victor
    own_token = token_create(actor=own, name="mine")[0]
    own_session = UserSession.objects.filter(user=own).order_by("-created_at").first()
    if own_session is None or own == victor:
        session_of(own)
        own_session = UserSession.objects.filter(user=own).latest("created_at")
    if who in IN_SESSION:
        verified(client)
    factors = {
        owner.pk: Authenticator.objects.create(user=owner, type="webauthn", data={"name": "laptop", "credential": {}})
        for owner in {victor, own}
    }
    return client, {
        "factor": factors[victor.pk].pk,
        "own_factor": factors[own.pk].pk,
        "token": token.pk,
        "own_token": own_token.pk,
        "session": UserSession.objects.filter(user=victor).order_by("created_at")[0].public_id,
        "own_session": own_session.public_id,
    }


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("operation", API, ids=str)
def test_the_api(operation: Operation, who: str) -> None:
    client, names = ready(who)
    before = state()
    send = getattr(client, operation.method)
    body = {"content_type": "application/json", "data": operation.body or {}} if operation.method != "get" else {}
    answer = send(f"/api/v1{operation.path.format(**names)}", **body)
    if who in operation.may:
        assert answer.status_code == operation.succeeds, answer.content
        return
    anonymous = who not in KNOWN
    if anonymous:
        refusals = {(401, "unauthenticated")}
    elif operation.may:
        refusals = {(403, "forbidden"), (403, "session_needed")}
    else:
        # Another person's object isn't there under one's own address.
        refusals = {(404, "not_found"), (403, "session_needed")}
    assert (answer.status_code, answer.json()["error"]["code"]) in refusals
    assert state() == before
    assert "victor" not in answer.json()["error"]["message"].replace(operation.path, "")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("operation", PAGES, ids=str)
def test_the_pages(operation: Operation, who: str) -> None:
    client, names = ready(who)
    before = state()
    answer = getattr(client, operation.method)(operation.path.format(**names), operation.body or {})
    if who in operation.may:
        assert answer.status_code == operation.succeeds, answer.content
        assert not answer.headers.get("Location", "").startswith("/sign-in/?next=")
        return
    if operation.path.startswith("/sign-in/"):
        assert answer.status_code == 302  # to the first page, since somebody has signed in
        return
    if who in IN_SESSION:
        assert answer.status_code == 403
    else:
        # A token is for the API: the pages don't know it.
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/sign-in/")
    assert state() == before


def test_the_matrix_has_every_operation_and_page(client: Client) -> None:
    described = client.get("/api/v1/openapi.json").json()["paths"]
    operations = {
        (method, path.removeprefix("/api/v1"))
        for path, methods in described.items()
        for method, operation in methods.items()
        if operation["tags"] == ["people"]
    }
    generic = {"victor": "{username}", "{own_token}": "{token_id}", "{token}": "{token_id}"}
    generic |= {"{own_factor}": "{factor_id}", "{factor}": "{factor_id}"}
    generic |= {"{own_session}": "{session_id}", "{session}": "{session_id}"}

    def named(path: str) -> str:
        for concrete, name in generic.items():
            path = path.replace(concrete, name)
        return path

    assert {(operation.method, named(operation.path)) for operation in API} == operations
    pages = {pattern.name for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}
    reached = {
        get_resolver()
        .resolve(operation.path.format(token=1, own_token=1, session=ID, own_session=ID, own_factor=1))
        .url_name
        for operation in PAGES
    }
    assert reached == pages


ID = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("who", sorted(KNOWN))
def test_addresses_in_the_audit_are_for_admins_and_oneself(who: str) -> None:
    client, _ = ready(who)
    victor = User.objects.get(username="victor")
    own = User.objects.exclude(pk=victor.pk).get()
    for someone in (victor, own):
        AuditEntry.objects.create(
            actor=someone, actor_name=someone.username, action="person.sign-in", target=someone.username,
            outcome="succeeded", detail={"address": f"198.51.100.{someone.pk % 200}"},
        )  # fmt: skip
    rows = client.get("/api/v1/audit?action=person.sign-in").json()["items"]
    seen = {row["actor"]: "address" in row["detail"] for row in rows}
    assert seen == {"victor": who in ADMIN, own.username: True}
    # Nor does a search find them.
    assert client.get("/api/v1/audit?text=198.51.100").json()["items"] == []
    if who in IN_SESSION:
        page = client.get("/activity/?action=person.sign-in").content.decode()
        assert (f"198.51.100.{victor.pk % 200}<" in page) == (who in ADMIN)
        assert f"198.51.100.{own.pk % 200}<" in page
