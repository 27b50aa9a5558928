"""Second factors in Settings, over the API and for admins: set up, renamed, removed, reset; codes are shown once."""

import re
from base64 import b64decode
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from compose.local.credentials import draw_secrets
from compose.local.rotation import _drawn_again
from controlplane.accounts.models import ApiToken, AttemptCounter, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.freshness import VERIFIED_AT
from controlplane.accounts.sessions import person_of_session
from controlplane.accounts.throttle import ATTEMPTS_BY_NAME_AND_ADDRESS
from tests.accounts.clients import RIGHT, by_token, send
from tests.accounts.together import at_once
from tests.accounts.two_step import (
    add_app,
    code_of,
    give_code,
    give_password,
    is_signed_in,
    recovery_codes_of,
    verified,
    wrong_code_of,
)
from tests.labels import OwnSettings, People, Said
from tests.pages import Page, Visitor
from tests.people import person, visitor

pytestmark = pytest.mark.django_db
STALE = 301


@pytest.fixture
def olga(operator_user: User) -> User:
    return operator_user


@pytest.fixture
def browser(olga: User) -> Visitor:
    """Olga's browser, just verified."""
    return verified(visitor(olga))


def key_on(page: Page) -> str:
    """The key of an authenticator app that the page offers."""
    (key,) = page.copied
    assert re.fullmatch("[A-Z2-7 ]{39}", key)
    return key.replace(" ", "")


def codes_on(page: Page) -> list[str]:
    return re.findall(r"\b\d{5} \d{5}\b", page.text)


def last(action: str) -> tuple[str, str, str, dict[str, Any]]:
    row = AuditEntry.objects.filter(action=action).latest("at")
    return row.actor_name, row.target, row.outcome, row.detail


def test_an_authenticator_app_is_set_up_and_its_recovery_codes_are_shown_once(browser: Visitor, olga: User) -> None:
    page = browser.page("/settings/second-factors/totp/")
    secret = key_on(page)
    (picture,) = page.element.xpath(".//img/@src")
    kind, _, encoded = picture.partition(",")
    assert (kind, b64decode(encoded)[:5]) == ("data:image/svg+xml;base64", b"<?xml")
    # Opened again, it is the same key: a phone may have scanned it.
    assert key_on(browser.page("/settings/second-factors/totp/")) == secret
    answer = browser.post("/settings/second-factors/totp/", {"code": code_of(secret)})
    codes = codes_on(Page.of(answer))
    assert (answer.status_code, len(codes), answer.headers["Cache-Control"]) == (200, 10, "private, no-store")
    assert [code.replace(" ", "") for code in codes] == recovery_codes_of(olga)
    kind, _, download = Page.of(answer).link(OwnSettings.DOWNLOAD).partition(",")
    assert kind == "data:text/plain;charset=utf-8"
    assert all(code.replace(" ", "%20") in download for code in codes)
    for path in ("/settings/", "/settings/second-factors/", "/settings/second-factors/totp/"):
        later = browser.page(path)
        assert codes_on(later) == []
        assert secret not in later.html
        assert OwnSettings.APP in later
    assert last("second-factor.add") == ("operator", "operator", "succeeded", {"sessions_ended": 0})


def test_neither_key_nor_codes_are_in_the_database_as_they_are(browser: Visitor, olga: User) -> None:
    secret = key_on(browser.page("/settings/second-factors/totp/"))
    waiting = str([row.get_decoded() for row in UserSession.objects.all()])
    assert secret not in waiting
    browser.post("/settings/second-factors/totp/", {"code": code_of(secret)})
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in recovery_codes_of(olga))
    assert not any(secret in str((row.detail, row.after)) for row in AuditEntry.objects.all())
    assert "totp_secret" not in browser.session


def test_the_code_that_set_it_up_does_not_sign_in(browser: Visitor, olga: User) -> None:
    secret = key_on(browser.page("/settings/second-factors/totp/"))
    code = code_of(secret)
    browser.post("/settings/second-factors/totp/", {"code": code})
    other = Client()
    give_password(other, olga)
    assert give_code(other, code).status_code == 401


def test_a_wrong_code_sets_nothing_up(browser: Visitor) -> None:
    secret = key_on(browser.page("/settings/second-factors/totp/"))
    answer = browser.post("/settings/second-factors/totp/", {"code": wrong_code_of(secret)})
    page = Page.of(answer, browser)
    assert (answer.status_code, key_on(page)) == (422, secret)
    assert page.errors["code"].startswith(f"code: {Said.WRONG}")
    assert not Authenticator.objects.exists()
    other = key_on(Page.of(page.action(OwnSettings.ANOTHER_KEY).press()))
    assert other != secret
    assert browser.post("/settings/second-factors/totp/", {"code": code_of(secret)}).status_code == 422
    assert browser.post("/settings/second-factors/totp/", {"code": code_of(other)}).status_code == 200


def test_the_first_factor_ends_other_sessions_and_no_tokens(browser: Visitor, olga: User) -> None:
    other = visitor(olga)
    by_token(Role.VIEWER)
    ApiToken.objects.update(owner=olga)
    secret = key_on(browser.page("/settings/second-factors/totp/"))
    browser.post("/settings/second-factors/totp/", {"code": code_of(secret)})
    assert (is_signed_in(browser), is_signed_in(other)) == (True, False)
    assert ApiToken.objects.get().state == "valid"


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_sets_up_one_app(olga: User) -> None:
    clients = [verified(visitor(olga)) for _ in range(4)]
    codes = [code_of(key_on(client.page("/settings/second-factors/totp/"))) for client in clients]
    answers = at_once(
        [
            lambda client=client, code=code: client.post("/settings/second-factors/totp/", {"code": code}).status_code
            for client, code in zip(clients, codes, strict=True)
        ]
    )
    assert answers.count(200) == 1
    assert Authenticator.objects.filter(type="totp").count() == 1
    assert Authenticator.objects.filter(type="recovery_codes").count() == 1


def test_a_second_app_is_refused(browser: Visitor, olga: User) -> None:
    add_app(olga)
    (message,) = browser.page("/settings/second-factors/totp/").messages
    refused = send(browser, "/me/second-factors/totp/key").json()["error"]
    assert refused["code"] == "refused"
    assert message.startswith(refused["message"])


# --- Verifying again ---

# Browsers say which page of ours a form was on.
ON_THE_PAGE = {"headers": {"referer": "http://testserver/settings/second-factors/"}}
CHANGES: dict[str, Any] = {
    "totp": lambda client, pk: client.get("/settings/second-factors/totp/"),
    "passkey": lambda client, pk: client.get("/settings/second-factors/passkeys/"),
    "remove": lambda client, pk: client.post(f"/settings/second-factors/{pk}/remove/", **ON_THE_PAGE),
    "rename": lambda client, pk: client.post(
        f"/settings/second-factors/{pk}/rename/", {"name": "phone"}, **ON_THE_PAGE
    ),
    "codes": lambda client, pk: client.post("/settings/second-factors/recovery-codes/", **ON_THE_PAGE),
}
OVER_THE_API = {
    "key": ("post", "/me/second-factors/totp/key", {}),
    "totp": ("post", "/me/second-factors/totp", {"code": "123456"}),
    "remove": ("delete", "/me/second-factors/{pk}", {}),
    "rename": ("patch", "/me/second-factors/{pk}", {"name": "phone"}),
    "codes": ("post", "/me/recovery-codes", {}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("ago", [None, STALE])
def test_a_change_asks_again_after_five_minutes(olga: User, change: str, ago: float | None) -> None:
    client = verified(visitor(olga), ago or 0)
    if ago is None:
        session = client.session
        del session[VERIFIED_AT]
        session.save()
    add_app(olga)
    factor = Authenticator.objects.get(type="totp")
    before = list(Authenticator.objects.values())
    answer = CHANGES[change](client, factor.pk)
    assert answer.headers["Location"].startswith("/settings/verify/?next=%2Fsettings%2Fsecond-factors%2F")
    assert list(Authenticator.objects.values()) == before
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("change", OVER_THE_API)
def test_a_change_over_the_api_asks_again_too(olga: User, change: str) -> None:
    client = verified(visitor(olga), STALE)
    add_app(olga)
    method, path, body = OVER_THE_API[change]
    factor = Authenticator.objects.get(type="totp")
    answer = send(client, path.format(pk=factor.pk), body, method)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "verification_needed")
    assert Authenticator.objects.count() == 2


def test_the_password_verifies_for_five_minutes(olga: User) -> None:
    client = visitor(olga)
    assert "code" not in client.page("/settings/verify/?next=/settings/second-factors/totp/").controls
    wrong = client.post("/settings/verify/", {"password": "wrong", "next": "/settings/second-factors/totp/"})
    assert wrong.status_code == 422
    assert Page.of(wrong).errors["password"].startswith(f"password: {Said.WRONG}")
    assert last("person.verify") == ("operator", "operator", "failed", {})
    right = client.post("/settings/verify/", {"password": RIGHT, "next": "/settings/second-factors/totp/"})
    assert right.headers["Location"] == "/settings/second-factors/totp/"
    detail = {"method": "password"}
    assert last("person.verify") == ("operator", "operator", "succeeded", detail)
    assert client.get("/settings/second-factors/totp/").status_code == 200
    assert verified(client, STALE).get("/settings/second-factors/totp/").status_code == 302


def test_a_code_verifies_once(olga: User) -> None:
    client, secret = visitor(olga), add_app(olga)
    code = code_of(secret)
    assert send(client, "/me/verification", {"code": code}).status_code == 204
    assert send(client, "/me/recovery-codes").status_code == 201
    again = send(client, "/me/verification", {"code": code})
    assert (again.status_code, again.json()["error"]["code"]) == (401, "wrong_code")
    nothing = send(client, "/me/verification")
    assert (nothing.status_code, nothing.json()["error"]["message"]) == (422, "password: missing.")


@pytest.mark.parametrize("with_", ["password", "code"])
def test_verifying_is_throttled(olga: User, with_: str) -> None:
    client, secret = visitor(olga), add_app(olga)
    wrong = {"password": "wrong"} if with_ == "password" else {"code": wrong_code_of(secret)}
    right = {"password": RIGHT} if with_ == "password" else {"code": code_of(secret)}
    few = ATTEMPTS_BY_NAME_AND_ADDRESS
    status = 422 if with_ == "password" else 401
    assert [send(client, "/me/verification", wrong).status_code for _ in range(few)] == [status] * few
    assert send(client, "/me/verification", right).status_code == 429
    assert client.post("/settings/verify/", right).headers["Retry-After"]


@pytest.mark.parametrize("how", ["page", "api"])
def test_a_verification_gives_the_session_another_key(olga: User, how: str) -> None:
    client = verified(visitor(olga), STALE)
    before = UserSession.objects.get()
    UserSession.objects.update(created_at=before.created_at - timedelta(hours=2))
    before.refresh_from_db()
    if how == "page":
        assert client.post("/settings/verify/", {"password": RIGHT}).status_code == 302
    else:
        assert send(client, "/me/verification", {"password": RIGHT}).status_code == 204
    after = UserSession.objects.get()
    # It is the session of before: its longest life goes on, and Settings and the audit name it as before.
    assert after.session_key != before.session_key
    assert (after.public_id, after.created_at, after.address) == (before.public_id, before.created_at, before.address)
    assert client.session.session_key == after.session_key
    assert client.get("/settings/").status_code == 200
    assert AuditEntry.objects.latest("sequence").credential == str(before.public_id)
    # A key that was copied before is of no use, and a live page in another tab goes on.
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before.session_key
    assert thief.get("/settings/").status_code == 302
    assert person_of_session(before.session_key) is None
    assert person_of_session(public_id=before.public_id) == olga


def test_signing_in_counts_as_verified(client: Client, olga: User) -> None:
    give_password(client, olga)
    assert client.get("/settings/second-factors/totp/").status_code == 200


# --- Removing ---


def test_removing_the_last_factor_removes_the_recovery_codes(browser: Visitor, olga: User) -> None:
    add_app(olga)
    factor = Authenticator.objects.get(type="totp")
    page = Page.of(browser.post(f"/settings/second-factors/{factor.pk}/remove/", follow=True))
    (message,) = page.messages
    assert OwnSettings.OFF in message
    assert not Authenticator.objects.exists()
    assert last("second-factor.remove") == ("operator", "operator", "succeeded", {})
    assert give_password(Client(), olga).headers["Location"] == "/activity/"


def test_removing_one_of_two_keeps_the_other_and_the_codes(browser: Visitor, olga: User) -> None:
    add_app(olga)
    Authenticator.objects.create(user=olga, type="webauthn", data={"name": "laptop", "credential": {}})
    factor = Authenticator.objects.get(type="totp")
    browser.post(f"/settings/second-factors/{factor.pk}/remove/")
    assert sorted(Authenticator.objects.values_list("type", flat=True)) == ["recovery_codes", "webauthn"]


@pytest.mark.parametrize("pk", ["other", 0, 2**70])
def test_what_is_not_ones_own_is_not_there(browser: Visitor, olga: User, pk: Any, viewer_user: User) -> None:
    add_app(viewer_user)
    pk = Authenticator.objects.get(type="totp").pk if pk == "other" else pk
    for method, body in (("delete", {}), ("patch", {"name": "mine"})):
        answer = send(browser, f"/me/second-factors/{pk}", body, method)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    # The recovery codes are no factor that could be removed by their id.
    codes = Authenticator.objects.get(type="recovery_codes")
    assert send(browser, f"/me/second-factors/{codes.pk}", {}, "delete").status_code == 404
    assert Authenticator.objects.count() == 2


def test_new_recovery_codes_void_those_of_before(browser: Visitor, olga: User) -> None:
    add_app(olga)
    before = recovery_codes_of(olga)
    page = Page.of(browser.post("/settings/second-factors/recovery-codes/"))
    now = [code.replace(" ", "") for code in codes_on(page)]
    assert (len(now), set(now) & set(before)) == (10, set())
    client = Client()
    give_password(client, olga)
    assert [give_code(client, code).status_code for code in (before[0], now[0])] == [401, 302]
    assert last("recovery-codes.create") == ("operator", "operator", "succeeded", {})


def test_there_are_no_recovery_codes_without_a_factor(browser: Visitor) -> None:
    answer = send(browser, "/me/recovery-codes")
    assert (answer.status_code, answer.json()["error"]["message"]) == (409, "You have no second factor.")


# --- Over the API ---


def test_the_api_sets_an_app_up_lists_and_removes_it(browser: Visitor, olga: User) -> None:
    assert browser.get("/api/v1/me").json()["second_factor"] is False
    nothing = {"items": [], "recovery_codes_left": None, "required": False, "next": None}
    assert browser.get("/api/v1/me/second-factors").json() == nothing
    drawn = send(browser, "/me/second-factors/totp/key").json()
    uri = urlsplit(drawn["uri"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/operator")
    assert parse_qs(uri.query) == {"secret": [drawn["key"]], "issuer": ["Lakehouse"]}
    made = send(browser, "/me/second-factors/totp", {"code": code_of(drawn["key"])})
    assert made.status_code == 201
    assert len(made.json()["recovery_codes"]) == 10
    listed = browser.get("/api/v1/me/second-factors").json()
    (factor,) = listed["items"]
    assert (factor["kind"], factor["name"], factor["last_used_at"]) == ("totp", "Authenticator app", None)
    assert (listed["recovery_codes_left"], set(factor)) == (10, {"id", "kind", "name", "created_at", "last_used_at"})
    assert browser.get("/api/v1/me").json()["second_factor"] is True
    assert send(browser, f"/me/second-factors/{factor['id']}", method="delete").status_code == 204
    assert browser.get("/api/v1/me/second-factors").json() == nothing


# --- Policy ---


@pytest.mark.parametrize(
    ("policy", "role", "must"),
    [
        ("none", Role.ADMIN, False),
        ("admins", Role.OPERATOR, False),
        ("admins", Role.ADMIN, True),
        ("everyone", Role.VIEWER, True),
    ],
)
def test_who_must_have_one_is_led_to_its_setup_and_does_nothing_else(
    settings: Settings, client: Client, policy: str, role: Role, must: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR = policy
    someone = person(role)
    give_password(client, someone)
    led = "/settings/second-factors/"
    for path in ("/", "/activity/", "/settings/", "/people/", "/sign-in/", "/search/?text=x", "/no/such/page/"):
        answer = client.get(path)
        assert (answer.headers.get("Location") == led) == (must and path != "/no/such/page/"), path
    answer = client.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"})
    assert answer.headers["Location"] == (led if must else "/settings/")
    assert User.objects.get().time_zone == ("UTC" if must else "Asia/Tokyo")
    api = client.get("/api/v1/me")
    assert (api.status_code, api.json().get("error", {}).get("code")) == (
        (403, "second_factor_needed") if must else (200, None)
    )
    assert client.get("/api/v1/me/second-factors").json()["required"] == must
    if must:
        page = Page.of(client.get(led))
        assert (page.heading, page.menu) == (OwnSettings.SETTING_UP, {})
        secret = key_on(Page.of(client.get("/settings/second-factors/totp/")))
        assert client.post("/settings/second-factors/totp/", {"code": code_of(secret)}).status_code == 200
        assert is_signed_in(client)
        assert client.get("/api/v1/me").status_code == 200


def test_who_must_have_one_may_verify_and_sign_out(settings: Settings, olga: User) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    client = visitor(olga)
    assert client.get("/settings/verify/").status_code == 200
    assert client.post("/settings/verify/", {"password": RIGHT}).status_code == 302
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert not UserSession.objects.exists()


def test_streams_and_the_gateway_know_nobody_who_has_not_set_it_up(settings: Settings, olga: User) -> None:
    from controlplane.accounts.api_auth import person_behind

    client = visitor(olga)
    key = client.session.session_key or ""
    assert person_behind(session_key=key) == olga
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    assert person_behind(session_key=key) is None
    add_app(olga)
    assert person_behind(session_key=key) == olga


def test_tokens_are_not_asked_for_a_second_factor(settings: Settings) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    assert by_token(Role.OPERATOR).get("/api/v1/me").json()["second_factor"] is False


def test_the_last_required_factor_stays(settings: Settings, browser: Visitor, olga: User) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    add_app(olga)
    factor = Authenticator.objects.get(type="totp")
    answer = send(browser, f"/me/second-factors/{factor.pk}", method="delete")
    assert (answer.status_code, answer.json()["error"]["remedy"]) == (409, "Add another second factor first.")
    page = Page.of(browser.post(f"/settings/second-factors/{factor.pk}/remove/", follow=True))
    (message,) = page.messages
    assert message.startswith(answer.json()["error"]["message"])
    assert Authenticator.objects.count() == 2


# --- For admins ---


def test_an_admin_resets_what_somebody_has_lost(olga: User, admin: Visitor) -> None:
    theirs = visitor(olga)
    secret = add_app(olga)
    half_way = Client()
    give_password(half_way, olga)
    for _ in range(ATTEMPTS_BY_NAME_AND_ADDRESS):
        give_code(half_way, wrong_code_of(secret))
    page = admin.page("/people/by-name/operator/")
    assert page.table(People.TWO_STEP).column(People.FACTOR) == [OwnSettings.APP]
    answer = page.card(People.TWO_STEP).action(People.RESET).press()
    page = admin.page(answer.headers["Location"])
    (message,) = page.messages
    assert "operator" in message
    assert page.card(People.TWO_STEP).tables == []
    assert not is_signed_in(theirs)
    assert not Authenticator.objects.exists()
    assert last("second-factor.reset") == ("admin", "operator", "succeeded", {"sessions_ended": 1})
    assert give_code(half_way, code_of(secret)).headers["Location"].startswith("/sign-in/?expired=1")
    assert not AttemptCounter.objects.filter(subject__regex="^(day-)?2fa-(both|name)").exists()
    assert give_password(Client(), olga).headers["Location"] == "/activity/"
    again = send(admin, "/people/operator/second-factors", method="delete")
    assert (again.status_code, again.json()["error"]["message"]) == (409, "operator has no second factor.")


def test_an_admins_own_reset_asks_again(olga: User, admin_user: User) -> None:
    client = verified(visitor(admin_user), STALE)
    add_app(admin_user)
    page = {"referer": "http://testserver/people/by-name/admin/"}
    answer = client.post("/people/by-name/admin/second-factors/reset/", headers=page)
    assert answer.headers["Location"] == "/settings/verify/?next=%2Fpeople%2Fby-name%2Fadmin%2F"
    api = send(client, "/people/admin/second-factors", method="delete")
    assert (api.status_code, api.json()["error"]["code"]) == (403, "verification_needed")
    assert Authenticator.objects.count() == 2
    assert send(verified(client), "/people/admin/second-factors", method="delete").status_code == 204
    assert not Authenticator.objects.exists()
    assert not is_signed_in(client)


def test_the_list_of_people_says_who_has_one(olga: User, admin: Visitor) -> None:
    add_app(olga)
    rows = admin.page("/people/").table().rows
    assert {next(iter(row.part.links)): row[People.TWO_STEP] for row in rows} == {"admin": "off", "operator": "on"}
    listed = admin.get("/api/v1/people").json()["items"]
    assert {one["username"]: one["second_factor"] for one in listed} == {"admin": False, "operator": True}


def test_the_command_resets_it_for_the_only_admin(admin_user: User) -> None:
    client = visitor(admin_user)
    add_app(admin_user)
    said = StringIO()
    call_command("reset_second_factor", "ADMIN", stdout=said)
    assert said.getvalue() == "admin now signs in with only the password.\n"
    assert last("second-factor.reset") == ("manage.py", "admin", "succeeded", {"sessions_ended": 1})
    assert not is_signed_in(client)
    with pytest.raises(CommandError, match="admin has no second factor"):
        call_command("reset_second_factor", "admin")
    with pytest.raises(CommandError, match="user 'grace' does not exist"):
        call_command("reset_second_factor", "grace")


# --- Keys ---


def test_a_rotation_of_the_keys_keeps_every_second_factor(settings: Settings, olga: User) -> None:
    old = draw_secrets()
    settings.SECOND_FACTOR_KEYS = [old["second_factor"]]
    secret, codes = add_app(olga), []
    codes = recovery_codes_of(olga)
    # Twice, before anything was encrypted again: as when a rotation is repeated after an interruption.
    new = _drawn_again(_drawn_again(old))
    keys = new["second_factor"].split(",")
    assert (len(set(keys)), keys[-1]) == (3, old["second_factor"])
    settings.SECOND_FACTOR_KEYS = keys
    settings.SECRET_KEY = new["django"]
    said = StringIO()
    call_command("rotate_second_factor_keys", stdout=said)
    assert said.getvalue() == "Secrets of second factors re-encrypted with the first key: 2.\n"
    before = list(Authenticator.objects.order_by("pk").values_list("data", flat=True))
    said = StringIO()
    call_command("rotate_second_factor_keys", stdout=said)
    assert said.getvalue() == "Secrets of second factors re-encrypted with the first key: 0.\n"
    assert list(Authenticator.objects.order_by("pk").values_list("data", flat=True)) == before
    # The keys of before can go.
    settings.SECOND_FACTOR_KEYS = keys[:1]
    for code in (code_of(secret), codes[0]):
        client = Client()
        give_password(client, olga)
        assert give_code(client, code).status_code == 302


def test_without_its_key_a_factor_is_refused_and_says_why(settings: Settings, olga: User) -> None:
    secret = add_app(olga)
    settings.SECOND_FACTOR_KEYS = [Fernet.generate_key().decode()]
    client = Client()
    give_password(client, olga)
    answer = give_code(client, code_of(secret))
    assert (answer.status_code, "SECOND_FACTOR_KEYS" in Page.of(answer)) == (503, True)
    assert not is_signed_in(client)
    said = StringIO()
    call_command("rotate_second_factor_keys", stderr=said)
    assert said.getvalue() == "Secrets of second factors that no key of SECOND_FACTOR_KEYS decrypts: 2.\n"


def test_a_waiting_key_outlives_nothing_but_its_session(browser: Visitor, olga: User) -> None:
    browser.get("/settings/second-factors/totp/")
    other = verified(visitor(olga))
    answer = send(other, "/me/second-factors/totp", {"code": "123456"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "code: the setup has expired.")
    assert UserSession.objects.filter(expire_date__gt=timezone.now()).count() == 2
