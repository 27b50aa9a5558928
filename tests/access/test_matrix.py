"""Every address by every method and every kind of visitor: nobody gets more than `table.py` says, and nothing leaks.

A cell is one request. It is refused with the right status or answered; a refused one has changed nothing, which the
statements that reach the database show; and no answer holds what its visitor may not know.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry, Kind, User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.second_factor.freshness import VERIFIED_AT, VERIFIED_FOR
from controlplane.accounts.services import token_create
from controlplane.api import api
from controlplane.gateway.upstreams import upstreams
from tests.access import world as w
from tests.access.asking import SAFE, Asked, ask, undone
from tests.access.table import ANYBODY, MACHINES, NOT_SERVED, OPERATIONS, PAGES, UPSTREAMS, Operation, Page

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("access-matrix")]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Visitor:
    """Who asks: the role that counts for pages and for the API; None where nobody is known."""

    name: str
    client: Callable[[], Client]
    pages: Role | None = None
    api: Role | None = None
    by_token: bool = False
    changes: bool = True
    people: bool = False


def _session(role: Role, *, ended: bool = False, deactivated: bool = False) -> Client:
    client = Client()
    someone = User.objects.create_user(f"{role}.visitor", password=w.PASSWORD, role=role)
    client.force_login(someone)
    session = client.session
    session[VERIFIED_AT] = timezone.now().timestamp()
    session.save()
    if ended:
        UserSession.objects.filter(user=someone).update(expire_date=timezone.now() - timedelta(seconds=1))
    if deactivated:
        User.objects.filter(pk=someone.pk).update(is_active=False)
    return client


def _token(role: Role, scope: Scope, *, deactivated: bool = False, **changed: Any) -> Client:
    someone = User.objects.create_user(f"{role}.visitor", password=w.PASSWORD, role=role)
    row, text = token_create(actor=someone, name="visitor", scope=scope)
    ApiToken.objects.filter(pk=row.pk).update(**changed)
    if deactivated:
        User.objects.filter(pk=someone.pk).update(is_active=False)
    return Client(headers={"Authorization": f"Bearer {text}"})


_PAST = {"expires_at": timezone.now() - timedelta(seconds=1)}
VISITORS = [
    Visitor("anonymous", Client),
    *(Visitor(f"{role} in a session", lambda role=role: _session(role), role, role) for role in Role),
    Visitor("admin in an expired session", lambda: _session(Role.ADMIN, ended=True)),
    Visitor("deactivated admin in a session", lambda: _session(Role.ADMIN, deactivated=True)),
    Visitor("viewer by token", lambda: _token(Role.VIEWER, Scope.READ), None, Role.VIEWER, True, False),
    Visitor("operator by token", lambda: _token(Role.OPERATOR, Scope.OPERATE), None, Role.OPERATOR, True),
    Visitor("admin by token", lambda: _token(Role.ADMIN, Scope.ADMIN), None, Role.ADMIN, True),
    Visitor("admin by token, people", lambda: _token(Role.ADMIN, Scope.PEOPLE), None, Role.ADMIN, True, people=True),
    Visitor("admin by token, operate", lambda: _token(Role.ADMIN, Scope.OPERATE), None, Role.OPERATOR, True),
    Visitor("admin by token, read", lambda: _token(Role.ADMIN, Scope.READ), None, Role.VIEWER, True, False),
    Visitor("made-up token", lambda: Client(headers={"Authorization": f"Bearer lh_{'x' * 43}"})),
    Visitor("expired token", lambda: _token(Role.ADMIN, Scope.ADMIN, **_PAST)),
    Visitor("revoked token", lambda: _token(Role.ADMIN, Scope.ADMIN, revoked_at=timezone.now())),
    Visitor("deactivated admin's token", lambda: _token(Role.ADMIN, Scope.ADMIN, deactivated=True)),
]
# Those of whom HEAD and every method that an address doesn't know is tried as well: that these are refused or answered
# like GET is no matter of roles.
THOROUGH = ("anonymous", "viewer in a session", "admin in a session", "admin by token")


@pytest.fixture(scope="module")
def cells() -> Iterator[Counter[str]]:
    """How many cells were tried, printed at the end."""
    counter: Counter[str] = Counter()
    yield counter
    print(f"\n{counter.total()} cells: {dict(counter)}")


def hidden_from(world: w.World, visitor: Visitor) -> set[str]:
    """What no answer to this visitor may hold: read once after the visitor is made, since every request is undone."""
    hidden = set(world.secrets)
    if Role.ADMIN not in (visitor.pages, visitor.api):
        hidden |= {
            w.OTHER,
            w.DEACTIVATED,
            w.OTHER_TOKEN,
            w.OTHER_ADDRESS,
            w.AUDIT_ADDRESS,
            w.AUDIT_EMAIL,
            w.AUDITED_TOKEN,
            w.INVITED,
            w.INVITED_EMAIL,
            w.CONNECTED,
            w.SERVICE,
            w.SERVICE_TOKEN,
            str(w.LINK),
            world.other_token[:8],
        }
        hidden |= {str(w.OTHER_PUBLIC_ID)}
    return hidden


def leaks(hidden: set[str], asked: Asked, path: str) -> set[str]:
    """What the answer holds of it. What the address itself says is no news."""
    text = f"{asked.text} {asked.location}"
    return {one for one in hidden if one in text and one not in path}


def addresses(patterns: list[Any], names: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(name, route) of every address."""
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, (*names, one.namespace) if one.namespace else names)
        else:
            assert isinstance(one, URLPattern)
            yield ":".join((*names, one.name or "")), str(one.pattern)


def described() -> dict[str, tuple[str, str]]:
    """Operation id, without the package -> (method, path)."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    }


def query_parameters() -> dict[str, set[str]]:
    """Operation id -> the names of its query parameters."""
    return {
        operation["operationId"]: {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        for methods in api.get_openapi_schema()["paths"].values()
        for operation in methods.values()
    }


def test_every_address_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PROMETHEUS_INTERNAL_URL", "http://127.0.0.1:9090/prometheus/")
    routes = {path.removeprefix("/api/v1/") for _, path in described().values()}
    named = {
        name
        for name, route in addresses(get_resolver().url_patterns)
        if not (name.startswith("api:") and re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route) in routes)
    }
    assert named - {"api:api-root"} == {*PAGES, *MACHINES}
    assert set(described()) == set(OPERATIONS)
    assert {upstream.prefix: upstream.role for upstream in upstreams()} == UPSTREAMS


def test_every_line_of_the_table_is_about_its_address() -> None:
    assert {name: resolve(page.path.split("?")[0]).view_name for name, page in PAGES.items()} == {
        name: name for name in PAGES
    }
    for name, (method, route) in described().items():
        operation = OPERATIONS[name]
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(route))
        assert operation.method == method, name
        assert re.fullmatch(pattern, f"/api/v1{operation.path.split('?')[0]}"), name


def expected_of_page(page: Page, method: str, visitor: Visitor) -> tuple[int, ...]:
    """The statuses that a cell may have."""
    least = page.reads if method in ("GET", "HEAD") else page.sends if method == "POST" else NOT_SERVED
    unknown = visitor.pages is None and ANYBODY not in (page.reads, page.sends)
    if unknown:
        return (302,)
    if least == NOT_SERVED or (method == "HEAD" and not page.heads):
        return (405,)
    if least is ANYBODY:
        return page.answers if method == "POST" else page.shows
    assert isinstance(least, Role)
    if visitor.pages is None:
        return (302,)
    if not visitor.pages.includes(least):
        return (403,)
    return page.answers if method == "POST" else page.shows


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
def test_pages(visitor: Visitor, a_world: w.World, cells: Counter[str]) -> None:
    client, wrong = visitor.client(), []
    hidden = hidden_from(a_world, visitor)
    for name, page in PAGES.items():
        for method in METHODS if visitor.name in THOROUGH else ("GET", "POST"):
            if page.path.startswith("/api/"):
                continue
            for body in [page.form, {}] if method == "POST" and page.form else [page.form]:
                asked = ask(client, method, page.path, body if method == "POST" else None)
                cells["pages"] += 1
                expected = expected_of_page(page, method, visitor)
                allowed = method in SAFE or not {302, 403, 405} & set(expected) or expected == page.answers
                problems = _problems(hidden, asked, page.path, allowed=allowed, method=method)
                # An empty form may be refused with an error at a field, or mean what it says by default.
                whole = body == page.form
                if asked.status not in (
                    expected if whole or expected in ((403,), (405,)) else (*expected, 200, 302, 422)
                ):
                    problems.append(f"{asked.status}, expected {expected}")
                if expected == (302,) and visitor.pages is None and not asked.location.startswith("/sign-in/"):
                    problems.append(f"leads to {asked.location}")
                wrong += [f"{method} {name} {'' if whole else 'empty '}by {visitor.name}: {one}" for one in problems]
    assert not wrong, "\n".join(wrong)


def _problems(hidden: set[str], asked: Asked, path: str, *, allowed: bool, method: str) -> list[str]:
    found = [f"leaks {one}" for one in leaks(hidden, asked, path)]
    if asked.status >= 500:
        found.append(f"fails with {asked.status}: {asked.text[:200]}")
    if asked.written and (not allowed or method in SAFE):
        found.append(f"has written {asked.written[0][:100]}")
    return found


def expected_of_operation(operation: Operation, visitor: Visitor) -> tuple[int, ...]:
    """The statuses that a cell may have."""
    if operation.role is ANYBODY:
        return operation.answers
    if visitor.api is None:
        return (401,)
    assert isinstance(operation.role, Role)
    if not visitor.api.includes(operation.role) or (operation.by_session and visitor.by_token):
        return (403,)
    if operation.changes and not visitor.changes:
        return (403,)
    if operation.people and visitor.by_token and not visitor.people:
        return (403,)
    return operation.answers


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
def test_operations(visitor: Visitor, a_world: w.World, cells: Counter[str]) -> None:
    client, wrong = visitor.client(), []
    hidden = hidden_from(a_world, visitor)
    for name, operation in OPERATIONS.items():
        path = f"/api/v1{operation.path}"
        asked = ask(client, operation.method, path, operation.body)
        cells["operations"] += 1
        expected = expected_of_operation(operation, visitor)
        allowed = operation.changes and expected == operation.answers
        problems = _problems(hidden, asked, path, allowed=allowed, method=operation.method)
        if asked.status not in expected:
            problems.append(f"{asked.status}, expected {expected}: {asked.text[:200]}")
        wrong += [f"{operation.method} {name} by {visitor.name}: {one}" for one in problems]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("visitor", [one for one in VISITORS if one.name in THOROUGH], ids=lambda visitor: visitor.name)
def test_methods_that_no_operation_has(visitor: Visitor, a_world: w.World, cells: Counter[str]) -> None:
    known: dict[str, set[str]] = {}
    for operation in OPERATIONS.values():
        known.setdefault(operation.path, set()).add(operation.method)
    client, wrong = visitor.client(), []
    for path, methods in known.items():
        for method in METHODS:
            # An operation with another address may share the path but for its names.
            shared = {one.method for one in OPERATIONS.values() if _alike(one.path, path)}
            if method in methods | shared:
                continue
            asked = ask(client, method, f"/api/v1{path}", {} if method in ("POST", "PUT", "PATCH") else None)
            cells["methods"] += 1
            if asked.status != 405 or asked.written:
                wrong.append(f"{method} {path} by {visitor.name}: {asked.status} {asked.written}")
    assert not wrong, "\n".join(wrong)


@cache
def _route(path: str) -> str:
    return resolve(f"/api/v1{path.split('?')[0]}").route


def _alike(one: str, other: str) -> bool:
    return _route(one) == _route(other)


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_unsafe_methods_need_a_csrf_token(role: Role | None, a_world: w.World, cells: Counter[str]) -> None:
    client, wrong = Client(enforce_csrf_checks=True), []
    if role is not None:
        client.force_login(User.objects.create_user(f"{role}.visitor", password=w.PASSWORD, role=role))
    tried = [(method, page.path, page.form) for page in PAGES.values() for method in ("POST", "PUT", "DELETE")]
    tried += [(one.method, f"/api/v1{one.path}", one.body) for one in OPERATIONS.values() if one.method not in SAFE]
    for method, path, body in tried:
        if path.startswith(("/api/v1/docs", "/api/v1/openapi")):
            continue
        asked = ask(client, method, path, body)
        cells["csrf"] += 1
        stranger = role is None and path.startswith("/api/")
        # Its form comes from another name of ours, which the view checks itself.
        refused = 405 if path == "/session/" and method != "POST" else 401 if stranger else 403
        if asked.status != refused or asked.written:
            wrong.append(f"{method} {path} by {role}: {asked.status} {asked.written[:1]}")
    assert not wrong, "\n".join(wrong)


SEARCH_PARAMETERS = {"text", "q", "actor", "scenario", "target"}
SEARCHED = (
    *("quentin.hush", "desmond.gon", "quentin-nightly-exp", "ada-quarterly-rep", "198.51.100.7"),
    *("ada@mail.exam", "nightly.hush", "irene.inv"),
)


@pytest.mark.parametrize(
    "visitor", [one for one in VISITORS if one.api in (Role.VIEWER, Role.OPERATOR)], ids=lambda visitor: visitor.name
)
def test_a_search_finds_nothing_hidden(visitor: Visitor, a_world: w.World, cells: Counter[str]) -> None:
    """The texts are beginnings of hidden ones, so an answer that shows what was looked for shows no more.

    An operation that has none of the parameters answers as in `test_operations`.
    """
    client, wrong = visitor.client(), []
    hidden = hidden_from(a_world, visitor)
    searches = {name for name, parameters in query_parameters().items() if parameters & SEARCH_PARAMETERS}
    assert {"list_people", "list_audit"} <= searches
    for name, operation in OPERATIONS.items():
        if operation.method != "GET" or name not in searches:
            continue
        for text in SEARCHED:
            base = operation.path.split("?")[0]
            path = f"/api/v1{base}?text={text}&q={text}&actor={text}&scenario={text}&target={text}"
            wrong += [f"{path}: {one}" for one in leaks(hidden, ask(client, "GET", path), path)]
            cells["searches"] += 1
    for page in PAGES.values() if visitor.pages else ():
        if page.reads in (Role.VIEWER, visitor.pages) and not page.path.startswith("/api/"):
            path = (
                f"{page.path.split('?')[0]}?text={SEARCHED[0]}&q={SEARCHED[0]}&actor={SEARCHED[0]}&target={SEARCHED[0]}"
            )
            wrong += [f"{path}: {one}" for one in leaks(hidden, ask(client, "GET", path), path)]
            cells["searches"] += 1
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("filters", [f"text={w.AUDIT_EMAIL}", f"text={w.AUDITED_TOKEN}", f"target={w.AUDITED_TOKEN}"])
def test_the_audit_is_not_filtered_by_what_is_hidden(filters: str, a_world: w.World) -> None:
    """How many rows there are would tell."""
    found = {}
    for role in Role:
        text = ask(_session(role), "GET", f"/api/v1/audit?{filters}").text
        found[role] = bool(json.loads(text)["items"])
    assert found == {Role.VIEWER: False, Role.OPERATOR: False, Role.ADMIN: True}


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.name)
def test_nobody_learns_whether_a_person_or_a_token_exists(
    visitor: Visitor, a_world: w.World, cells: Counter[str]
) -> None:
    """Who may not change another person's things gets the same answer for what is there and for what isn't."""
    if Role.ADMIN in (visitor.pages, visitor.api):
        return
    client, wrong = visitor.client(), []
    there = {
        **dict.fromkeys((w.OTHER, w.INVITED, w.CONNECTED, w.SERVICE), "nobody-at-all"),
        **dict.fromkeys((str(w.OTHER_TOKEN_ID), str(w.OTHER_FACTOR)), "900999"),
        **dict.fromkeys((str(w.OTHER_PUBLIC_ID), str(w.LINK)), str(w.STATEMENT)),
    }
    for method, path, body in [
        *(("GET", page.path, None) for page in PAGES.values() if page.reads != NOT_SERVED),
        *(("POST", page.path, page.form) for page in PAGES.values() if page.sends != NOT_SERVED),
        *((one.method, f"/api/v1{one.path}", one.body) for one in OPERATIONS.values()),
    ]:
        for present, absent in there.items():
            if present in path:
                found, missing = (
                    ask(client, method, path, body),
                    ask(client, method, path.replace(present, absent), body),
                )
                cells["existence"] += 2
                said = (found.status, found.text.replace(present, absent).replace("%40", "@"))
                if said != (missing.status, missing.text) and not _only_ids_differ(said[1], missing.text):
                    wrong.append(f"{method} {path}: {found.status} and {missing.status}")
    assert not wrong, "\n".join(wrong)


def _only_ids_differ(one: str, other: str) -> bool:
    """Whether two pages are the same but for what is random in each: CSRF tokens and nonces."""

    def plain(text: str) -> str:
        return re.sub(r'(value|nonce|content)="[^"]*"|[0-9a-f]{32}|/people/by-name/[^"]*|%2Fpeople[^"]*', "", text)

    return plain(one) == plain(other)


def test_the_owner_of_a_service_account(a_world: w.World, cells: Counter[str]) -> None:
    """Manages its tokens and nothing else of it."""
    client = Client()
    client.force_login(a_world.author)
    page, api_path = f"/people/service-accounts/by-name/{w.SERVICE}/", f"/api/v1/people/{w.SERVICE}/tokens"
    form = {"name": "mine", "scope": "read", "days": "7"}
    for method, path, body, status in (
        ("GET", page, None, 200),
        ("POST", f"{page}tokens/", form, 200),
        ("POST", page, {"owner": w.AUTHOR, "description": "Mine."}, 403),
        ("POST", f"/settings/tokens/{w.SERVICE_TOKEN_ID}/revoke/", {}, 302),
        ("GET", "/api/v1/me/service-accounts", None, 200),
        ("GET", api_path, None, 200),
        ("POST", api_path, {"name": "mine"}, 201),
        ("DELETE", f"{api_path}/{w.SERVICE_TOKEN_ID}", None, 204),
        ("PATCH", f"/api/v1/service-accounts/{w.SERVICE}", {"description": "Mine."}, 403),
        ("PATCH", f"/api/v1/people/{w.SERVICE}", {"role": "operator"}, 403),
    ):
        asked = ask(client, method, path, body)
        cells["owner"] += 1
        assert asked.status == status, (method, path, asked.text[:300])
        assert bool(asked.written) == (method != "GET" and status < 400), (method, path)


# What asks who is signed in to verify again, after five minutes: changes of people and of one's own factors, and the
# end of sessions.
ASKS_AGAIN = {
    *("accounts:person-add", "accounts:passkey-add", "accounts:totp"),
    *("accounts:person", "accounts:person-link", "accounts:person-email", "accounts:person-sso-connect"),
    *("accounts:person-sso-disconnect", "accounts:person-factors-reset", "accounts:person-sessions-end"),
    *("accounts:recovery-codes", "accounts:second-factor-rename", "accounts:second-factor-remove"),
    *("accounts:sessions-end", "accounts:session-end"),
    *("end_my_sessions", "end_sessions_of", "end_session_of"),
    *("add_person", "change_person", "invite", "renew_invitation"),
    *("make_reset_link", "single_sign_on_of", "end_single_sign_on_of"),
    *("draw_totp_key", "add_totp"),
    *("rename_factor", "remove_factor"),
    *("create_recovery_codes", "reset_second_factors_of"),
}
# Their answers go to the script of a page that has asked already.
OF_SCRIPTS = {"accounts:passkey-options"}


def test_changes_of_people_need_a_verification_of_the_last_minutes(a_world: w.World, cells: Counter[str]) -> None:
    """What other rooms do to data, nobody is asked again for."""
    client, asks = _session(Role.ADMIN), set()
    session = client.session
    session[VERIFIED_AT] -= VERIFIED_FOR.total_seconds() + 1
    session.save()
    for name, method, path, body in [
        *((name, "POST", page.path, page.form) for name, page in PAGES.items() if page.sends != NOT_SERVED),
        *((name, one.method, f"/api/v1{one.path}", one.body) for name, one in OPERATIONS.items()),
    ]:
        asked = ask(client, method, path, body)
        cells["verification"] += 1
        if asked.location.startswith("/settings/verify/") or "verification_needed" in asked.text:
            asks.add(name)
            assert not asked.written, name
    assert asks == ASKS_AGAIN | OF_SCRIPTS
    admin = User.objects.get(username="admin.visitor")
    for scope in (Scope.ADMIN, Scope.PEOPLE):
        text = token_create(actor=admin, name=scope, scope=scope)[1]
        by_token = Client(headers={"Authorization": f"Bearer {text}"})
        for name in asks & set(OPERATIONS):
            one = OPERATIONS[name]
            answer = ask(by_token, one.method, f"/api/v1{one.path}", one.body)
            assert answer.status == (403 if one.by_session or scope != Scope.PEOPLE else one.answers[0]), name
            assert "verification_needed" not in answer.text
            # Nothing that a session verifies for is open to a token of another scope.
            assert one.by_session or one.people, name


@pytest.mark.parametrize("path", ["/api/v1/me/tokens", "/api/v1/people/provisioner/tokens"])
def test_a_token_that_manages_users_needs_a_verification(path: str, a_world: w.World) -> None:
    client = _session(Role.ADMIN)
    admin = User.objects.get(username="admin.visitor")
    User.objects.create_user("provisioner", role=Role.ADMIN, kind=Kind.SERVICE, service_owner=admin)
    body = {"name": "provisioning", "scope": "people"}
    assert ask(client, "POST", path, body).status == 201
    session = client.session
    session[VERIFIED_AT] -= VERIFIED_FOR.total_seconds() + 1
    session.save()
    refused = ask(client, "POST", path, body)
    assert (refused.status, "verification_needed" in refused.text, refused.written) == (403, True, [])
    assert ask(client, "POST", path, {**body, "scope": "admin"}).status == 201


def test_a_refusal_is_audited_as_the_action_that_an_admin_performs(a_world: w.World) -> None:
    """The role is asked for before the form is read and the name is looked for, in the name of the same action."""

    def action(client: Client, method: str, path: str, body: Any) -> str:
        before = AuditEntry.objects.latest("sequence").sequence
        with undone():
            if path.startswith("/api/"):
                client.generic(method, path, json.dumps(body or {}), "application/json")
            else:
                client.post(path, body)
            row = AuditEntry.objects.latest("sequence")
            return row.action if row.sequence > before else ""

    tried = [(name, "POST", page.path, page.form) for name, page in PAGES.items() if page.sends == Role.ADMIN]
    tried += [
        (name, one.method, f"/api/v1{one.path}", one.body)
        for name, one in OPERATIONS.items()
        if one.role == Role.ADMIN and one.changes
    ]
    clients = [_session(Role.VIEWER), _session(Role.ADMIN)]
    done = {name: tuple(action(client, *more) for client in clients) for name, *more in tried}
    assert {name for name, (refused, performed) in done.items() if not refused or refused != performed} == set()


def test_metrics_need_their_token(a_world: w.World, cells: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "METRICS_TOKEN", "of-metrics-only")
    for visitor in VISITORS:
        with transaction.atomic():
            client = visitor.client()
            for method in METHODS:
                asked = ask(client, method, "/metrics")
                cells["metrics"] += 1
                assert asked.status == (401 if method in ("GET", "HEAD") else 405), (visitor.name, method)
                assert not asked.written
            transaction.set_rollback(True)
    assert Client(headers={"Authorization": "Bearer of-metrics-only"}).get("/metrics").status_code == 200
