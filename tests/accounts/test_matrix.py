"""Every operation and page of accounts by everybody: no unexpected success, and everything that should work does.

Who asks: nobody, each role by session, each role by a token of its widest scope, an admin by a token of each scope, an
expired and a revoked one. The object is another person's (`victor`, a viewer), an invited person's (`ines`) or
that of a service account (`robot`), except where the address says `me`.
"""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.test import Client, override_settings
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from controlplane.accounts import urls
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.invitations import invitation_renew
from controlplane.accounts.models import AccountLink, ApiToken, AuditEntry, Kind, User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import command_line, token_create
from tests.accounts.clients import GOOD, RIGHT, bearer
from tests.accounts.two_step import verified
from tests.labels import Activity
from tests.pages import Page
from tests.people import person, visitor

# One worker: each visitor's world is made once.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("accounts-matrix")]
MAIL = "smtp://127.0.0.1:1"


def _token(role: Role, scope: Scope | None = None, **changed: Any) -> Client:
    row, text = token_create(actor=person(role), name="tests", scope=scope)
    ApiToken.objects.filter(pk=row.pk).update(**changed)
    return bearer(text)


WHO: dict[str, Callable[[], Client]] = {
    "nobody": Client,
    **{f"{role} in a session": lambda role=role: visitor(person(role)) for role in Role},
    **{f"{role} by token": lambda role=role: _token(role) for role in Role},
    **{
        f"admin by token, {scope}": lambda scope=scope: _token(Role.ADMIN, scope)
        for scope in (Scope.READ, Scope.OPERATE, Scope.PEOPLE)
    },
    "admin by expired token": lambda: _token(Role.ADMIN, expires_at=timezone.now() - timedelta(seconds=1)),
    "admin by revoked token": lambda: _token(Role.ADMIN, revoked_at=timezone.now()),
}
IN_SESSION = frozenset(f"{role} in a session" for role in Role)
ADMIN_IN_SESSION = frozenset({"admin in a session"})
SCOPED = {f"admin by token, {scope}" for scope in (Scope.READ, Scope.OPERATE, Scope.PEOPLE)}
KNOWN = IN_SESSION | {f"{role} by token" for role in Role} | SCOPED
# What could take over an account: of tokens only those that were granted with a verification.
PEOPLE = ADMIN_IN_SESSION | {"admin by token, people"}
ADMIN = PEOPLE | {"admin by token"}
# A token of the scope `read` changes nothing; a viewer's has no other.
WRITERS = IN_SESSION | {"operator by token", "admin by token", "admin by token, operate", "admin by token, people"}


@dataclass(frozen=True)
class Operation:
    """One operation, who may do it, and what a success answers."""

    method: str
    path: str
    may: frozenset[str]
    succeeds: int
    body: dict[str, Any] | None = None
    # Whether victor has an account at a provider of single sign-on.
    connected: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ID = "00000000-0000-0000-0000-000000000000"
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
    Operation("post", "/people", PEOPLE, 201, {"username": "grace", "password": GOOD}),
    Operation("patch", "/people/victor", PEOPLE, 200, {"role": "admin"}),
    Operation("patch", "/people/victor", PEOPLE, 200, {"active": False}),
    Operation("patch", "/people/victor", ADMIN_IN_SESSION, 200, {"email": "victor@example.org"}),
    Operation("post", "/people/victor/reset-link", ADMIN_IN_SESSION, 201),
    Operation("post", "/people/ines/invitation", PEOPLE, 201),
    Operation("post", "/invitations", PEOPLE, 201, {"username": "grace"}),
    Operation("get", "/account-links", ADMIN, 200),
    Operation("delete", "/account-links/{link}", ADMIN, 204),
    Operation("get", "/me/service-accounts", KNOWN, 200),
    Operation("post", "/service-accounts", ADMIN, 201, {"username": "exporter", "owner": "victoria"}),
    Operation("patch", "/service-accounts/robot", ADMIN, 200, {"description": "nightly export"}),
    Operation("get", "/people/robot/tokens", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/robot/tokens", ADMIN_IN_SESSION, 201, {"name": "new"}),
    Operation("delete", "/people/robot/tokens/{robot_token}", ADMIN_IN_SESSION, 204),
    Operation("get", "/people/victor/tokens", ADMIN_IN_SESSION, 200),
    Operation("delete", "/people/victor/tokens/{token}", ADMIN_IN_SESSION, 204),
    Operation("get", "/people/victor/sessions", ADMIN_IN_SESSION, 200),
    Operation("delete", "/people/victor/sessions", ADMIN_IN_SESSION, 204),
    Operation("delete", "/people/victor/sessions/{session}", ADMIN_IN_SESSION, 204),
    Operation("delete", "/people/victor/single-sign-on", ADMIN_IN_SESSION, 204),
    Operation(
        "post", "/people/victor/single-sign-on", ADMIN_IN_SESSION, 204, {"sign_in": "{refusal}"}, connected=False
    ),
    Operation("get", "/people/victor/second-factors", ADMIN_IN_SESSION, 200),
    Operation("delete", "/people/victor/second-factors", ADMIN_IN_SESSION, 204),
    Operation("get", "/audit", KNOWN, 200),
    Operation("get", "/audit/{entry}", KNOWN, 200),
    Operation("get", "/audit/verification", KNOWN, 200),
    Operation("get", "/audit/export", ADMIN, 200),
]
EVERYBODY = frozenset(WHO)
PAGES = [
    Operation("get", "/sign-in/", EVERYBODY - IN_SESSION, 200),
    Operation("get", "/account-link/", EVERYBODY, 200),
    Operation("post", "/account-link/", EVERYBODY, 410),
    # Mail is configured.
    Operation("get", "/forgot-password/", EVERYBODY, 200),
    Operation("post", "/forgot-password/", EVERYBODY, 200, {"username": "victor"}),
    # No provider is configured: tests/accounts/test_single_sign_on.py has one.
    Operation("get", "/sign-in/sso/", EVERYBODY, 404),
    Operation("get", "/sign-in/sso/callback/", EVERYBODY, 404),
    Operation("post", "/settings/single-sign-on/", IN_SESSION, 404),
    # Nobody here is half-way signed in, and no passkey is sent; the address 127.0.0.1 has none (409).
    Operation("get", "/sign-in/second-factor/", EVERYBODY, 302),
    Operation("post", "/sign-in/second-factor/passkey/", EVERYBODY, 409),
    Operation("post", "/sign-in/passkey/options/", EVERYBODY, 409),
    Operation("post", "/sign-in/passkey/", EVERYBODY - IN_SESSION, 401),
    # No form of a page of ours.
    Operation("post", "/session/", EVERYBODY, 403),
    Operation("post", "/sign-out/", IN_SESSION, 302),
    Operation("get", "/activity/", IN_SESSION, 200),
    Operation("get", "/activity/{entry}/", IN_SESSION, 200),
    Operation("get", "/activity/export.csv", ADMIN_IN_SESSION, 200),
    Operation("get", "/activity/export.jsonl", ADMIN_IN_SESSION, 200),
    Operation("get", "/people/", ADMIN_IN_SESSION, 200),
    Operation("get", "/people/add/", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/add/", ADMIN_IN_SESSION, 200, {"username": "grace", "role": "viewer"}),
    Operation("get", "/people/by-name/victor/", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/by-name/victor/", ADMIN_IN_SESSION, 302, {"role": "admin", "active": "on"}),
    Operation("post", "/people/by-name/victor/link/", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/by-name/ines/link/", ADMIN_IN_SESSION, 200),
    Operation("post", "/people/by-name/victor/email/", ADMIN_IN_SESSION, 302, {"email": "victor@example.org"}),
    Operation("post", "/people/links/{link}/revoke/", ADMIN_IN_SESSION, 302),
    Operation("get", "/people/service-accounts/add/", ADMIN_IN_SESSION, 200),
    Operation(
        *("post", "/people/service-accounts/add/", ADMIN_IN_SESSION, 302),
        {"username": "exporter", "role": "viewer", "owner": "victoria"},
    ),
    Operation("get", "/people/service-accounts/by-name/robot/", ADMIN_IN_SESSION, 200),
    Operation(
        *("post", "/people/service-accounts/by-name/robot/", ADMIN_IN_SESSION, 302),
        {"owner": "victoria", "description": "nightly export"},
    ),
    Operation(
        *("post", "/people/service-accounts/by-name/robot/tokens/", ADMIN_IN_SESSION, 200),
        {"name": "new", "scope": "read", "days": "7"},
    ),
    Operation("post", "/people/by-name/victor/sessions/end/", ADMIN_IN_SESSION, 302),
    Operation(
        *("post", "/people/by-name/victor/single-sign-on/", ADMIN_IN_SESSION, 302, {"sign_in": "{refusal}"}),
        connected=False,
    ),
    Operation("post", "/people/by-name/victor/single-sign-on/disconnect/", ADMIN_IN_SESSION, 302),
    Operation("post", "/people/by-name/victor/second-factors/reset/", ADMIN_IN_SESSION, 302),
    Operation("get", "/settings/", IN_SESSION, 200),
    Operation("get", "/settings/verify/", IN_SESSION, 200),
    Operation("post", "/settings/verify/", IN_SESSION, 302, {"password": RIGHT}),
    Operation("post", "/settings/verify/passkey/", IN_SESSION, 409),
    Operation("post", "/settings/verify/single-sign-on/", IN_SESSION, 404),
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
            User.objects.order_by("pk").values_list(
                *("username", "role", "is_active", "password", "time_zone", "email", "service_owner", "description")
            )
        ),
        "links": list(AccountLink.objects.order_by("pk").values_list("pk", "used_at", "revoked_at")),
        "tokens": list(ApiToken.objects.order_by("pk").values_list("pk", "revoked_at")),
        "identities": list(SocialAccount.objects.values_list("user__username", "uid")),
        "sessions": set(UserSession.objects.values_list("pk", flat=True)),
        "factors": list(Authenticator.objects.order_by("pk").values_list("pk", "user_id", "data")),
    }


def ready(who: str) -> tuple[Client, dict[str, Any]]:
    """The client of `who`, and what stands for the names in an operation's path."""
    client = WHO[who]()
    own = User.objects.first()
    victor = User.objects.create_user(username="victor", password=RIGHT)
    SocialAccount.objects.create(user=victor, provider="https://id.example", uid="f3b1")
    refusal = audit_append(
        actor=None, actor_name="nobody", action="person.sign-in", target="victor", outcome=AuditEntry.Outcome.REFUSED,
        detail={"issuer": "https://id.example", "subject": "0000", "username": "victor"},
    )  # fmt: skip
    visitor(victor)
    token = token_create(actor=victor, name="export")[0]
    victoria = User.objects.create_user(username="victoria", password=RIGHT, role=Role.OPERATOR)
    robot = User.objects.create_user(username="robot", kind=Kind.SERVICE, service_owner=victoria)
    robot_token = token_create(actor=victoria, name="robot", owner=robot)[0]
    link = invitation_renew(actor=command_line("tests"), person=User.objects.create_user(username="ines")).link
    own = own or victor
    own_token = token_create(actor=own, name="mine")[0]
    own_session = UserSession.objects.filter(user=own).order_by("-created_at").first()
    if own_session is None or own == victor:
        visitor(own)
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
        "robot_token": robot_token.pk,
        "link": link.pk,
        "own_token": own_token.pk,
        "session": UserSession.objects.filter(user=victor).order_by("created_at")[0].public_id,
        "own_session": own_session.public_id,
        "entry": AuditEntry.objects.latest("sequence").pk,
        "refusal": refusal.pk,
    }


def filled(body: dict[str, Any] | None, names: dict[str, Any]) -> dict[str, Any]:
    """The body of an operation, with what stands for the names in it."""
    return {field: value.format(**names) if isinstance(value, str) else value for field, value in (body or {}).items()}


@pytest.fixture(autouse=True)
def _mail(settings: Settings) -> None:
    settings.EMAIL_URL = MAIL


@dataclass(frozen=True)
class Asker:
    """Somebody who asks, and what stands for the names in an operation's path."""

    who: str
    client: Client
    names: dict[str, Any]


@pytest.fixture(scope="module", params=WHO)
def known_asker(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Asker]:
    """One of `WHO` in a world that is rolled back after the last test of this one."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with (
        override_settings(PASSWORD_HASHERS=hashers, EMAIL_URL=MAIL),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        yield Asker(request.param, *ready(request.param))
        transaction.set_rollback(True)


@pytest.fixture
def asker(known_asker: Asker, db: None) -> Iterator[Asker]:
    """The same with the cookies of the beginning; the test's own changes are rolled back."""
    cookies = deepcopy(known_asker.client.cookies)
    yield known_asker
    known_asker.client.cookies = cookies


def begin(operation: Operation) -> dict[str, Any]:
    """Prepare what the operation needs; returns the state before it."""
    if not operation.connected:
        SocialAccount.objects.filter(user__username="victor").delete()
    return state()


@pytest.mark.parametrize("operation", API, ids=str)
def test_the_api(operation: Operation, asker: Asker) -> None:
    who, client, names = asker.who, asker.client, asker.names
    before = begin(operation)
    send = getattr(client, operation.method)
    body: dict[str, Any] = {}
    if operation.method != "get":
        body = {"content_type": "application/json", "data": filled(operation.body, names)}
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


@pytest.mark.parametrize("operation", PAGES, ids=str)
def test_the_pages(operation: Operation, asker: Asker) -> None:
    who, client, names = asker.who, asker.client, asker.names
    before = begin(operation)
    answer = getattr(client, operation.method)(operation.path.format(**names), filled(operation.body, names))
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
    generic |= {"{robot_token}": "{token_id}", "ines": "{username}", "robot": "{username}", "{link}": "{link_id}"}
    generic |= {"{entry}": "{entry_id}", "{own_session}": "{session_id}", "{session}": "{session_id}"}
    generic |= {"{own_factor}": "{factor_id}", "{factor}": "{factor_id}"}

    def named(path: str) -> str:
        for concrete, name in generic.items():
            path = path.replace(concrete, name)
        return path

    assert {(operation.method, named(operation.path)) for operation in API} == operations
    pages = {pattern.name for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}
    filled = {"token": 1, "own_token": 1, "session": ID, "own_session": ID, "link": ID, "own_factor": 1, "entry": ID}
    reached = {get_resolver().resolve(operation.path.format(**filled)).url_name for operation in PAGES}
    assert reached == pages


@pytest.mark.parametrize("known_asker", sorted(KNOWN), indirect=True)
def test_addresses_in_the_audit_are_for_admins_and_oneself(asker: Asker) -> None:
    who, client = asker.who, asker.client
    victor = User.objects.get(username="victor")
    own = User.objects.exclude(username__in=("victor", "victoria", "robot", "ines")).get()
    ids = {someone.username: someone.pk for someone in (victor, own)}
    # They sign in with the password alone.
    Authenticator.objects.all().delete()
    for someone in (victor, own):
        Client().post(
            "/sign-in/",
            {"username": someone.username, "password": RIGHT},
            REMOTE_ADDR=f"198.51.100.{someone.pk % 200}",
        )
    rows = client.get("/api/v1/audit?action=person.sign-in").json()["items"]
    rows = [row for row in rows if row["actor"] != "nobody"]
    seen = {row["actor"]: row["address"] == f"198.51.100.{ids[row['actor']] % 200}" for row in rows}
    assert {row["address"] for row in rows if not seen[row["actor"]]} <= {None}
    assert seen == {"victor": who in ADMIN, own.username: True}
    # Nor does a search find them, and only admins filter by them.
    filtered = client.get(f"/api/v1/audit?address=198.51.100.{victor.pk % 200}")
    assert filtered.status_code == (200 if who in ADMIN else 403)
    assert client.get("/api/v1/audit?text=198.51.100").json()["items"] == []
    if who in IN_SESSION:
        pages = {row["actor"]: Page.of(client.get(f"/activity/{row['id']}/")) for row in rows}
        addresses = {name: page.fact(Activity.ADDRESS) for name, page in pages.items()}
        assert (addresses["victor"] == f"198.51.100.{victor.pk % 200}") == (who in ADMIN)
        assert addresses[own.username] == f"198.51.100.{own.pk % 200}"
        shown = re.findall(r"198\.51\.100\.\d+", Page.of(client.get("/activity/?action=person.sign-in")).text)
        assert (f"198.51.100.{victor.pk % 200}" in shown) == (who in ADMIN)
        assert f"198.51.100.{own.pk % 200}" in shown
