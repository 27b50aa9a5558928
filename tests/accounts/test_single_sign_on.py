"""Signing in with an OpenID Connect provider: what it gives, and everything that it refuses."""

import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.services import token_create
from tests.accounts.clients import RIGHT
from tests.accounts.oidc_provider import CLIENT_ID, CLIENT_SECRET, KEY, OTHER_KEY, Provider, public_pem, running
from tests.accounts.single_sign_on import HOME, begin, browser_at_home, leads_to, sign_in
from tests.labels import OwnSettings, People, Said, SignIn
from tests.pages import Page, Visitor
from tests.people import person
from tests.ports import free_port

pytestmark = pytest.mark.django_db
LOOPBACK = "127.0.0.1:8000"
CALLBACK = f"http://{HOME}/sign-in/sso/callback/"


@pytest.fixture
def browser() -> Visitor:
    return browser_at_home()


def refusal(answer: Any, status: int) -> str:
    """The message of a sign-in that was refused, with its remedy."""
    assert answer.status_code == status, (answer.status_code, answer.content.decode())
    page = Page.of(answer)
    assert (page.heading, page.link(SignIn.BACK)) == (SignIn.FAILED, "/sign-in/")
    error = answer.context["error"]
    assert error.remedy
    return f"{error.message} {error.remedy}"


def last_audit() -> AuditEntry:
    return AuditEntry.objects.latest("at")


def nobody_is_in(browser: Visitor) -> bool:
    return browser.get("/activity/").status_code == 302 and not UserSession.objects.exclude(user=None).exists()


# --- Signing in -------------------------------------------------------------------------------------------------------


def test_a_person_of_the_provider_signs_in(provider: Provider, browser: Visitor, settings: Settings) -> None:
    address = begin(browser)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert {name: asked[name] for name in ("client_id", "redirect_uri", "response_type", "code_challenge_method")} == {
        "client_id": CLIENT_ID, "redirect_uri": CALLBACK, "response_type": "code", "code_challenge_method": "S256",
    }  # fmt: skip
    assert set(asked["scope"].split()) == {"openid", "profile"}
    assert {name: len(asked[name]) for name in ("state", "nonce", "code_challenge")} == {
        "state": 43, "nonce": 43, "code_challenge": 43,
    }  # fmt: skip
    before = browser.cookies[settings.SESSION_COOKIE_NAME].value

    answer = browser.get("/sign-in/sso/callback/", provider.grant(address))

    assert (answer.status_code, answer.headers["Location"]) == (302, "/activity/")
    # The session of before the sign-in is another one, and is gone.
    after = browser.cookies[settings.SESSION_COOKIE_NAME].value
    assert after != before
    (session,) = UserSession.objects.all()
    assert (session.session_key, session.address, session.browser) == (after, "127.0.0.1", "Chrome on Linux")
    olivia = User.objects.get()
    assert (olivia.username, olivia.role, olivia.has_usable_password(), olivia.email) == (
        "olivia", Role.OPERATOR, False, "",
    )  # fmt: skip
    assert session.user == olivia
    assert SocialAccount.objects.values_list("provider", "uid", "extra_data").get() == (
        provider.issuer, "f3b1", {"username": "olivia"},
    )  # fmt: skip
    assert not SocialApp.objects.exists()
    assert not SocialToken.objects.exists()
    rows = {
        row.action: (row.actor_name, row.target, row.outcome, row.detail, row.after) for row in AuditEntry.objects.all()
    }
    said = {"by": "Example ID", "issuer": provider.issuer, "subject": "f3b1", "username": "olivia"}
    added = {"username": "olivia", "role": "operator", "active": True}
    assert rows == {
        "person.create": ("olivia", "olivia", "succeeded", {"by": "Example ID"}, added),
        "person.sign-in": ("olivia", "olivia", "succeeded", said, None),
    }
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {"127.0.0.1"}
    assert browser.get("/activity/").status_code == 200


def test_discovery_and_keys_are_asked_for_once(provider: Provider) -> None:
    for _ in range(3):
        assert sign_in(Client(headers={"host": HOME}), provider).status_code == 302
    assert provider.asked_for == ["/.well-known/openid-configuration", "/token", "/keys", "/token", "/token"]


def test_the_role_follows_the_groups_at_every_sign_in(provider: Provider, browser: Visitor, admin_user: User) -> None:
    seen = []
    for groups in (["staff", "lakehouse-admins"], ["staff", "unknown"], ["lakehouse-operators"]):
        provider.claims["groups"] = groups
        assert sign_in(Client(headers={"host": HOME}), provider).status_code == 302
        seen.append(User.objects.get(username="olivia").role)
    assert seen == ["admin", "viewer", "operator"]
    changes = AuditEntry.objects.filter(action="person.change").order_by("at")
    assert [(row.actor_name, row.target, row.detail, row.before, row.after) for row in changes] == [
        ("olivia", "olivia", {"by": "Example ID"}, {"role": "admin"}, {"role": "viewer"}),
        ("olivia", "olivia", {"by": "Example ID"}, {"role": "viewer"}, {"role": "operator"}),
    ]


def test_people_are_found_by_issuer_and_subject_alone(provider: Provider, browser: Visitor, settings: Settings) -> None:
    assert sign_in(browser, provider).status_code == 302
    # Another username there is the same person here, under the first name.
    provider.claims |= {"preferred_username": "livia"}
    assert sign_in(Client(headers={"host": HOME}), provider).status_code == 302
    assert list(User.objects.values_list("username", flat=True)) == ["olivia"]
    assert User.objects.get().identity["username"] == "livia"
    # The same username and e-mail address with another subject is somebody else.
    User.objects.update(email="olivia@example.org")
    provider.claims = {"sub": "0000", "preferred_username": "olivia", "groups": ["staff"]}
    provider.claims |= {"email": "olivia@example.org", "email_verified": True}
    assert "olivia is taken" in refusal(sign_in(Client(headers={"host": HOME}), provider), 403)
    # And so is the same subject of another issuer.
    with running() as other:
        settings.SINGLE_SIGN_ON = other.configuration()
        other.claims["preferred_username"] = "olivia"
        assert "olivia is taken" in refusal(sign_in(Client(headers={"host": HOME}), other), 403)
    assert User.objects.count() == SocialAccount.objects.count() == 1


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({"realm_access": {"roles": ["staff"]}}, "realm_access.roles"),
        ({"https://lake.example/roles": "staff"}, "https://lake.example/roles"),
    ],
)
def test_groups_come_from_a_path(
    claims: dict[str, Any], path: str, provider: Provider, browser: Visitor, settings: Settings
) -> None:
    settings.SINGLE_SIGN_ON = provider.configuration(roles_claim=path)
    provider.claims = {"sub": "f3b1", "preferred_username": "olivia", **claims}
    assert sign_in(browser, provider).status_code == 302
    assert User.objects.get().role == Role.VIEWER


def test_what_the_id_token_leaves_out_comes_from_the_userinfo(provider: Provider, browser: Visitor) -> None:
    provider.claims = {"sub": "f3b1"}
    provider.userinfo = {"sub": "f3b1", "preferred_username": "olivia", "groups": ["staff"], "nonce": "ignored"}
    assert sign_in(browser, provider).status_code == 302
    assert User.objects.values_list("username", "role").get() == ("olivia", "viewer")


def test_the_userinfo_of_somebody_else_counts_for_nothing(provider: Provider, browser: Visitor) -> None:
    provider.claims = {"sub": "f3b1"}
    provider.userinfo = {"sub": "0000", "preferred_username": "olivia", "groups": ["lakehouse-admins"]}
    assert "is for another subject" in refusal(sign_in(browser, provider), 502)
    assert nobody_is_in(browser)


def test_who_has_no_group_may_have_a_default_role(provider: Provider, browser: Visitor, settings: Settings) -> None:
    settings.SINGLE_SIGN_ON = provider.configuration(default_role=Role.VIEWER)
    provider.claims["groups"] = []
    assert sign_in(browser, provider).status_code == 302
    assert User.objects.get().role == Role.VIEWER


def test_the_button_leads_to_the_host_that_the_provider_knows(provider: Provider) -> None:
    elsewhere = Client(headers={"host": LOOPBACK})
    page = Page.of(elsewhere.get("/sign-in/?next=/runs/"))
    assert page.link(SignIn.at("Example ID")) == "/sign-in/sso/?next=%2Fruns%2F"
    # The page does not tell the installation's own name; who takes the button learns it.
    assert HOME not in page.html
    answer = elsewhere.get("/sign-in/sso/", {"next": "/runs/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"http://{HOME}/sign-in/sso/?next=%2Fruns%2F")
    assert provider.asked_for == []


def test_a_link_begins_no_sign_in(provider: Provider, browser: Visitor) -> None:
    """Where the provider asks nothing, a link of another site would sign people in without their doing."""
    answer = browser.get("/sign-in/sso/", {"next": "/runs/"})
    assert answer.status_code == 200
    assert "Refresh" not in answer.headers
    assert Page.of(answer).action(SignIn.at("Example ID")).fields["next"] == "/runs/"
    assert provider.asked_for == []
    assert not UserSession.objects.exists()
    strict = Client(enforce_csrf_checks=True, headers={"host": HOME})
    assert strict.post("/sign-in/sso/", {"next": "/runs/"}).status_code == 403
    assert provider.asked_for == []
    # The button of the sign-in page is such a form.
    action = browser.page("/sign-in/").action(SignIn.at("Example ID"))
    assert (action.method, action.url) == ("post", "/sign-in/sso/")


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_leads_to_no_other_site(wanted: str, provider: Provider, browser: Visitor) -> None:
    assert sign_in(browser, provider, wanted).headers["Location"] == "/"


def test_parameters_of_the_address_do_not_reach_the_provider(provider: Provider, browser: Visitor) -> None:
    """allauth's own view would pass them on."""
    more = {"scope": "admin", "auth_params": "prompt=none&nonce=x", "process": "connect", "action": "reauthenticate"}
    address = leads_to(browser.post("/sign-in/sso/?" + urlencode(more), more))
    asked = parse_qs(urlsplit(address).query)
    assert "prompt" not in asked
    assert "admin" not in asked["scope"][0]
    assert browser.get("/sign-in/sso/callback/", provider.grant(address)).headers["Location"] == "/"


# --- Refusals: tokens -------------------------------------------------------------------------------------------------


def _forged(key: Any, algorithm: str | None, kid: str | None = "1") -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(claims, key, algorithm, {"kid": kid} if kid else {})


def _with_public_key_as_secret(claims: dict[str, Any]) -> str:
    # PyJWT refuses to make such a token: its header and signature are put together by hand.
    head = jwt.encode(claims, "0" * 32, "HS256", {"kid": "1"}).rsplit(".", 1)[0]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(head.encode(), public_pem())
    return f"{head}.{jwt.utils.base64url_encode(signature).decode()}"


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (_forged(OTHER_KEY, "RS256"), "Signature verification failed"),
        (_forged(KEY, "RS256", kid="2"), "has no key '2'"),
        (_forged(None, "none"), "the algorithm 'none' is not accepted"),
        (_forged(CLIENT_SECRET, "HS256"), "the algorithm 'HS256' is not accepted"),
        (_with_public_key_as_secret, "the algorithm 'HS256' is not accepted"),
        # The key is published for RS256.
        (_forged(KEY, "PS256"), "The specified alg value is not allowed"),
        (lambda claims: "no token", "Not enough segments"),
        (lambda claims: "x" * 70_000, "it has 70000 characters"),
    ],
    ids=[
        "other key",
        "unknown key",
        "none",
        "secret as key",
        "public key as secret",
        "other algorithm",
        "text",
        "long",
    ],
)
def test_a_signature_that_is_not_the_providers_is_refused(
    sign: Callable[[dict[str, Any]], str], reason: str, provider: Provider, browser: Visitor
) -> None:
    provider.sign = sign
    assert reason in refusal(sign_in(browser, provider), 502)
    assert nobody_is_in(browser)
    assert not User.objects.exists()
    row = last_audit()
    assert (row.action, row.actor_name, row.target, row.outcome) == ("person.sign-in", "nobody", "somebody", "refused")
    assert row.detail["by"] == "Example ID"
    assert reason in row.detail["reason"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "another-client"}, "Audience doesn't match"),
        ({"aud": [CLIENT_ID, "another-client"]}, "the authorised party is None"),
        ({"azp": "another-client"}, "the authorised party is 'another-client'"),
        ({"iss": "https://evil.example"}, "Invalid issuer"),
        ({"nonce": "another"}, "the nonce does not match"),
        ({"nonce": None}, "the nonce does not match"),
        ({"exp": "-60"}, "Signature has expired"),
        ({"exp": None}, 'missing the "exp" claim'),
        ({"iat": "+600"}, "not yet valid"),
        ({"nbf": "+600"}, "not yet valid"),
        ({"sub": None}, 'missing the "sub" claim'),
        ({"sub": ""}, "the subject is empty"),
        ({"sub": "x\x00"}, "the subject is empty, too long or not printable"),
        ({"sub": 7}, "Subject must be a string"),
    ],
    ids=str,
)
def test_claims_that_are_not_for_this_sign_in_are_refused(
    changed: dict[str, Any], reason: str, provider: Provider, browser: Visitor
) -> None:
    # A moment is written as seconds from now: the names of tests are the same in every worker.
    moments = {
        name: int(time.time()) + int(changed[name]) for name in {"exp", "iat", "nbf"} & set(changed) if changed[name]
    }
    provider.changed = {**changed, **moments}
    assert reason in refusal(sign_in(browser, provider), 502)
    assert nobody_is_in(browser)


def test_an_id_token_of_an_earlier_sign_in_is_refused(provider: Provider, browser: Visitor) -> None:
    taken: list[str] = []
    honest = provider.sign
    provider.sign = lambda claims: taken.append(honest(claims)) or taken[0]  # type: ignore[func-returns-value]
    assert sign_in(browser, provider).status_code == 302
    assert "the nonce does not match" in refusal(sign_in(Client(headers={"host": HOME}), provider), 502)


# --- Refusals: the protocol -------------------------------------------------------------------------------------------


def test_a_state_counts_once(provider: Provider, browser: Visitor) -> None:
    back = provider.grant(begin(browser))
    assert browser.get("/sign-in/sso/callback/", back).status_code == 302
    browser.post("/sign-out/")
    assert SignIn.USED in refusal(browser.get("/sign-in/sso/callback/", back), 400)


def test_a_state_counts_in_its_own_browser_only(provider: Provider, browser: Visitor) -> None:
    back = provider.grant(begin(browser))
    thief = Client(headers={"host": HOME})
    begin(thief)
    assert "started in another browser" in refusal(thief.get("/sign-in/sso/callback/", back), 400)
    assert "/token" not in provider.asked_for


def test_a_state_counts_for_ten_minutes(provider: Provider, browser: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    back, now = provider.grant(begin(browser)), time.time()
    with monkeypatch.context() as patch:
        patch.setattr("allauth.socialaccount.internal.statekit.time.time", lambda: now + 601)
        assert "older than 10 minutes" in refusal(browser.get("/sign-in/sso/callback/", back), 400)


@pytest.mark.parametrize("back", [{}, {"code": "x"}, {"state": "x", "code": "x"}, {"state": "\x00", "error": "x"}])
def test_an_answer_to_nothing_is_refused(back: dict[str, str], provider: Provider, browser: Visitor) -> None:
    assert SignIn.OVER in refusal(browser.get("/sign-in/sso/callback/", back), 400)


def test_a_code_that_the_provider_does_not_know_is_refused(provider: Provider, browser: Visitor) -> None:
    back = provider.grant(begin(browser)) | {"code": "unknown"}
    provider.grants["unknown"] = next(iter(provider.grants.values()))
    provider.grants["unknown"].asked = provider.grants["unknown"].asked | {"code_challenge": "of another sign-in"}
    assert "Example ID rejected this sign-in" in refusal(browser.get("/sign-in/sso/callback/", back), 502)


def test_what_the_provider_says_is_shown(provider: Provider, browser: Visitor) -> None:
    state = provider.grant(begin(browser))["state"]
    answer = browser.get("/sign-in/sso/callback/", {"state": state, "error": "access_denied"})
    assert "was cancelled or denied" in refusal(answer, 403)
    state = provider.grant(begin(browser))["state"]
    error = "<b>server_error"
    answer = browser.get("/sign-in/sso/callback/", {"state": state, "error": error})
    assert f"returned an error: {error}." in refusal(answer, 502)
    assert error in Page.of(answer)
    assert Page.of(answer).document.xpath("//b") == []
    back = provider.grant(begin(browser)) | {"iss": "https://evil.example"}
    assert "The response is not from Example ID" in refusal(browser.get("/sign-in/sso/callback/", back), 502)


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        7,
        {"id_token": "x"},
        {"access_token": 7},
        b"no json",
        {"access_token": "a"},
        {"access_token": "a", "id_token": 1},
    ],
    ids=str,
)
def test_tokens_that_are_none_are_refused(tokens: Any, provider: Provider, browser: Visitor) -> None:
    provider.answers["/token"] = (200, tokens)
    refusal(sign_in(browser, provider), 502)
    assert nobody_is_in(browser)


@pytest.mark.parametrize(
    ("path", "answer", "status", "reason"),
    [
        ("/.well-known/openid-configuration", (500, {}), 502, "returned 500"),
        ("/.well-known/openid-configuration", (302, {}), 502, "Unexpected redirect from"),
        ("/.well-known/openid-configuration", (200, []), 502, "returned no JSON object"),
        ("/.well-known/openid-configuration", (200, b"<html>"), 502, "returned no JSON object"),
        (
            "/.well-known/openid-configuration",
            (200, {"issuer": "https://evil.example"}),
            502,
            "The issuer of the provider is 'https://evil.example'",
        ),
        ("/.well-known/openid-configuration", (200, b" " * 600_000), 502, "exceeds 512 KiB"),
    ],
)
def test_a_provider_that_answers_nonsense_is_an_error(
    path: str, answer: tuple[int, Any], status: int, reason: str, provider: Provider, browser: Visitor
) -> None:
    provider.answers[path] = answer
    assert reason in refusal(browser.post("/sign-in/sso/"), status)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_addresses_without_tls_are_not_used(name: str, provider: Provider, browser: Visitor) -> None:
    provider.published = {name: "http://id.example/"}
    assert f"{name} of Example ID is not an https URL" in refusal(browser.post("/sign-in/sso/"), 502)


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": [7]}, {"keys": "x"}], ids=str)
def test_keys_that_are_none_are_an_error(keys: Any, provider: Provider, browser: Visitor) -> None:
    provider.answers["/keys"] = (200, keys)
    assert "publishes no usable keys" in refusal(sign_in(browser, provider), 502)


def test_a_key_of_symmetric_signatures_is_not_used(provider: Provider, browser: Visitor) -> None:
    secret = jwt.utils.base64url_encode(b"0" * 32).decode()
    provider.answers["/keys"] = (200, {"keys": [{"kty": "oct", "k": secret, "kid": "1"}]})
    provider.sign = _forged("0" * 32, "HS256")
    assert "the algorithm 'HS256' is not accepted" in refusal(sign_in(browser, provider), 502)


def test_a_new_key_is_read_when_it_is_used(
    provider: Provider, browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign_in(browser, provider).status_code == 302
    keys = provider.keys()
    provider.answers["/keys"] = (200, {"keys": [*keys["keys"], {**keys["keys"][0], "kid": "2"}]})
    provider.sign = _forged(KEY, "RS256", kid="2")
    assert "has no key '2'" in refusal(sign_in(Client(headers={"host": HOME}), provider), 502)
    monkeypatch.setattr("controlplane.accounts.single_sign_on.provider.KEYS_AGAIN_SECONDS", 0)
    assert sign_in(Client(headers={"host": HOME}), provider).status_code == 302
    assert provider.asked_for.count("/keys") == 2


def test_a_provider_that_is_down_is_an_error_at_once(provider: Provider, browser: Visitor, settings: Settings) -> None:
    back = provider.grant(begin(browser))
    down = f"http://127.0.0.1:{free_port()}"
    settings.SINGLE_SIGN_ON = provider.configuration(issuer=down)
    text = refusal(browser.post("/sign-in/sso/"), 503)
    assert f"Example ID does not respond: {down.removeprefix('http://')}" in text
    assert "Connection refused" in text
    # Signing in with a password goes on.
    assert {"username", "password"} <= set(browser.page("/sign-in/").controls)
    assert SignIn.OVER in refusal(browser.get("/sign-in/sso/callback/", back), 400)


def test_a_provider_that_does_not_answer_is_given_up(
    provider: Provider, browser: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.accounts.single_sign_on.provider.READ_SECONDS", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings.SINGLE_SIGN_ON = provider.configuration(issuer=f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "does not respond" in refusal(browser.post("/sign-in/sso/"), 503)


def test_refusals_from_one_address_are_audited_at_every_tenfold_number(provider: Provider, browser: Visitor) -> None:
    for _ in range(11):
        refusal(browser.get("/sign-in/sso/callback/", {"state": "x", "code": "x"}), 400)
    rows = AuditEntry.objects.filter(outcome="refused").order_by("at")
    assert [row.detail["refused_attempts"] for row in rows] == [1, 10]


def test_beginnings_from_one_address_are_bounded(
    provider: Provider, browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.accounts.single_sign_on.people.BEGINNINGS_BY_ADDRESS", 2)
    begin(browser)
    begin(browser)
    answer = browser.post("/sign-in/sso/")
    assert "Too many sign-ins from your address" in refusal(answer, 429)
    assert answer.headers["Retry-After"] == "300"


# --- Refusals: people -------------------------------------------------------------------------------------------------


def test_who_has_no_group_is_refused(provider: Provider, browser: Visitor) -> None:
    provider.claims["groups"] = ["sales", "Staff"]
    assert "olivia is not in a group of Example ID" in refusal(sign_in(browser, provider), 403)
    assert nobody_is_in(browser)
    assert not User.objects.exists()
    row = last_audit()
    assert (row.actor_name, row.target, row.outcome, row.detail["subject"]) == ("nobody", "olivia", "refused", "f3b1")


def test_who_has_lost_every_group_is_refused(provider: Provider, browser: Visitor) -> None:
    sign_in(browser, provider)
    browser.post("/sign-out/")
    provider.claims["groups"] = []
    assert "is not in a group" in refusal(sign_in(browser, provider), 403)
    assert nobody_is_in(browser)
    assert last_audit().actor == User.objects.get()


@pytest.mark.parametrize("name", ["olivia", "Olivia", "oliv1a", "\uff4flivia"])
def test_a_name_that_is_taken_is_refused(name: str, provider: Provider, browser: Visitor) -> None:
    User.objects.create_user(username="olivia", password=RIGHT, role=Role.ADMIN)
    provider.claims |= {"preferred_username": name, "groups": ["lakehouse-admins"]}
    text = refusal(sign_in(browser, provider), 403)
    assert text.startswith("Your username at Example ID can't be used here: ")
    assert ("looks like the existing name olivia" if name == "oliv1a" else " is taken") in text
    assert "sign in with it and connect Example ID in Settings" in text
    assert "An admin can connect this account with your user" in text
    assert nobody_is_in(browser)
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("root", "is reserved"), ("<b>", "not allowed"), ("ol\u0456via", "mixes letters"), (None, "returned no username"),
     ("x" * 200, "must have 1 to 150"), ({"a": 1}, "returned no username"), ("", "returned no username"),
     ("a\x00", "returned no username")],
)  # fmt: skip
def test_a_name_that_is_not_allowed_is_refused(name: Any, reason: str, provider: Provider, browser: Visitor) -> None:
    provider.claims["preferred_username"] = name
    provider.userinfo = {"sub": "f3b1"}
    assert reason in refusal(sign_in(browser, provider), 403)
    assert not User.objects.exists()


def test_a_deactivated_person_stays_out(provider: Provider, browser: Visitor) -> None:
    sign_in(browser, provider)
    User.objects.update(is_active=False)
    UserSession.objects.all().delete()
    assert "olivia is deactivated" in refusal(sign_in(Client(headers={"host": HOME}), provider), 403)
    assert nobody_is_in(browser)
    assert (last_audit().actor_name, last_audit().outcome) == ("olivia", "refused")


def test_the_last_admin_is_not_demoted_and_not_let_in(provider: Provider, browser: Visitor) -> None:
    provider.claims["groups"] = ["lakehouse-admins"]
    sign_in(browser, provider)
    UserSession.objects.all().delete()
    provider.claims["groups"] = ["staff"]
    text = refusal(sign_in(browser, provider), 409)
    assert text == "olivia is the only admin. Make another user an admin first."
    assert User.objects.get().role == Role.ADMIN
    assert nobody_is_in(browser)
    person(Role.ADMIN)
    assert sign_in(browser, provider).status_code == 302
    assert User.objects.get(username="olivia").role == Role.VIEWER


# --- Sessions, passwords, signing out ---------------------------------------------------------------------------------


def test_a_session_ends_like_any_other(provider: Provider, browser: Visitor, settings: Settings) -> None:
    sign_in(browser, provider)
    assert browser.get("/activity/").status_code == 200
    idle = timezone.now() - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    UserSession.objects.update(expire_date=timezone.now(), last_used_at=idle)
    assert browser.get("/activity/").status_code == 302


def test_signing_out_leads_to_the_provider(provider: Provider, browser: Visitor) -> None:
    sign_in(browser, provider)
    answer = browser.post("/sign-out/")
    assert answer.status_code == 200
    (action,) = Page.of(answer).actions
    assert (action.method, action.url) == ("post", f"{provider.issuer}/end_session")
    assert action.form.get("data-leads-on") is not None
    asked = dict(action.fields)
    assert jwt.decode(asked.pop("id_token_hint"), options={"verify_signature": False})["sub"] == "f3b1"
    assert asked == {"client_id": CLIENT_ID, "post_logout_redirect_uri": f"http://{HOME}/sign-in/"}
    # The ID token stands in no address, and the form may be sent there and on to https alone.
    assert "Refresh" not in answer.headers
    assert f"form-action 'self' {provider.issuer} https:" in answer.headers["Content-Security-Policy"]
    assert not UserSession.objects.exists()
    assert last_audit().action == "person.sign-out"


@pytest.mark.parametrize("why", ["no endpoint", "down", "password"])
def test_signing_out_works_without_the_provider(
    why: str, provider: Provider, browser: Visitor, settings: Settings
) -> None:
    if why == "password":
        browser.force_login(person(Role.VIEWER))
    else:
        provider.published = {"end_session_endpoint": None} if why == "no endpoint" else {}
        sign_in(browser, provider)
    if why == "down":
        cache.clear()
        provider.answers["/.well-known/openid-configuration"] = (503, {})
    answer = browser.post("/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/")
    assert not UserSession.objects.exists()


def test_a_person_of_the_provider_has_no_password(provider: Provider, browser: Visitor) -> None:
    sign_in(browser, provider)
    page = browser.page("/settings/")
    assert "Example ID" in page.card(SignIn.PASSWORD)
    assert "current" not in page.controls
    body = {"current_password": "", "password": "correct horse battery staple"}
    answer = browser.patch("/api/v1/me", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "current password: you have no password.")
    for password in ("", "!", User.objects.get().password):
        refused = Client(headers={"host": HOME}).post("/sign-in/", {"username": "olivia", "password": password})
        assert refused.status_code == 401


def test_passwords_can_be_for_admins_only(provider: Provider, settings: Settings) -> None:
    settings.PASSWORD_SIGN_IN = "admins"
    person(Role.VIEWER), person(Role.ADMIN)

    def tried(name: str, password: str) -> Any:
        return Client(headers={"host": HOME}).post("/sign-in/", {"username": name, "password": password})

    assert tried("admin", RIGHT).headers["Location"] == "/"
    right, wrong = tried("viewer", RIGHT), tried("viewer", "wrong")
    # Nobody can try passwords by it.
    assert (right.status_code, right.context["error"].args) == (wrong.status_code, wrong.context["error"].args)
    assert "Example ID" in Page.of(right).part("error")
    rows = AuditEntry.objects.filter(target="viewer").order_by("at")
    assert [(row.outcome, row.detail.get("reason", "")) for row in rows] == [
        ("refused", "passwords are for admins (PASSWORD_SIGN_IN)"), ("failed", ""),
    ]  # fmt: skip
    for _ in range(3):
        assert tried("viewer", RIGHT).status_code == 401
    assert tried("viewer", RIGHT).status_code == 429


# --- Connecting and disconnecting -------------------------------------------------------------------------------------


@pytest.fixture
def olivia(provider: Provider) -> User:
    """A person with a password who has the name of the one at the provider."""
    return User.objects.create_user(username="olivia", password=RIGHT, role=Role.VIEWER)


def at_home(someone: User) -> Visitor:
    client = Visitor(headers={"host": HOME})
    client.force_login(someone)
    return client


def connect(client: Visitor, provider: Provider) -> Any:
    answer = client.post("/settings/single-sign-on/", {"password": RIGHT})
    assert answer.status_code == 200, answer.headers
    return client.get("/sign-in/sso/callback/", provider.grant(leads_to(answer)))


def test_a_person_with_a_password_connects_their_account(provider: Provider, olivia: User, browser: Visitor) -> None:
    client = at_home(olivia)
    assert client.page("/settings/").offers(OwnSettings.connect("Example ID"))
    answer = connect(client, provider)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/settings/")
    page = client.page("/settings/")
    (message,) = page.messages
    assert "Example ID" in message
    assert "olivia" in message
    assert not page.offers(OwnSettings.connect("Example ID"))
    row = last_audit()
    assert (row.action, row.actor_name, row.outcome, row.detail, row.after) == (
        "person.connect-sso", "olivia", "succeeded", {"role_at_next_sign_in": "operator"},
        {"issuer": provider.issuer, "subject": "f3b1", "username": "olivia"},
    )  # fmt: skip
    # Connecting changes no role; signing in does.
    assert User.objects.get().role == Role.VIEWER
    assert sign_in(browser, provider).status_code == 302
    assert User.objects.get().role == Role.OPERATOR
    assert User.objects.get().signs_in_with == ["password", "single-sign-on"]


def test_each_password_in_settings_says_what_it_is_for(provider: Provider, olivia: User) -> None:
    page = at_home(olivia).page("/settings/")
    own, other = page.field(OwnSettings.CURRENT_PASSWORD), page.field(OwnSettings.password_to_connect("Example ID"))
    assert (own.name, other.name) == ("current", "password")
    assert other.element.get("id") == "sso_password"
    assert "Next, you sign in at" in other.help


def test_connecting_needs_the_password(provider: Provider, olivia: User) -> None:
    client = at_home(olivia)
    for _ in range(5):
        assert client.post("/settings/single-sign-on/", {"password": "wrong"}).status_code == 302
    assert {message.partition(".")[0] for message in client.page("/settings/").messages} == {f"password: {Said.WRONG}"}
    assert client.post("/settings/single-sign-on/", {"password": RIGHT}).status_code == 302
    (message,) = client.page("/settings/").messages
    assert SignIn.NOT_CHECKED in message
    assert provider.asked_for == []
    assert AuditEntry.objects.filter(action="person.connect-sso", outcome="failed").count() == 5


def test_a_connection_is_for_who_has_begun_it(provider: Provider, olivia: User) -> None:
    client = at_home(olivia)
    address = leads_to(client.post("/settings/single-sign-on/", {"password": RIGHT}))
    back = provider.grant(address)
    key = client.cookies["lakehouse_session_8000"].value
    UserSession.objects.filter(session_key=key).update(user=None)
    client.logout()
    assert SignIn.OVER in refusal(client.get("/sign-in/sso/callback/", back), 400)
    assert not SocialAccount.objects.exists()


def test_an_account_is_connected_with_one_person(provider: Provider, olivia: User) -> None:
    connect(at_home(olivia), provider)
    victor = User.objects.create_user(username="victor", password=RIGHT)
    answer = connect(at_home(victor), provider)
    assert answer.status_code == 409
    page = Page.of(answer)
    assert f"olivia at {provider.issuer}" in page
    assert page.link(SignIn.BACK_TO_SETTINGS) == "/settings/"
    provider.claims["sub"] = "0001"
    again = Page.of(connect(at_home(olivia), provider))
    assert again.heading == page.heading == SignIn.FAILED
    assert provider.issuer not in again
    assert "olivia" in again
    assert SocialAccount.objects.values_list("user__username", "uid").get() == ("olivia", "f3b1")


def test_an_account_without_a_group_is_not_connected(provider: Provider, olivia: User) -> None:
    provider.claims["groups"] = []
    assert connect(at_home(olivia), provider).status_code == 403
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("over", ["page", "api"])
def test_an_admin_disconnects_a_person(over: str, provider: Provider, browser: Visitor) -> None:
    sign_in(browser, provider)
    olivia = User.objects.get()
    token_create(actor=olivia, name="export")
    admin = at_home(person(Role.ADMIN))
    listed = {
        row["username"]: (row["signs_in_with"], row["identity"]) for row in admin.get("/api/v1/people").json()["items"]
    }
    since = olivia.identity["since"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert listed == {
        "admin": (["password"], None),
        "olivia": (
            ["single-sign-on"],
            {"issuer": provider.issuer, "subject": "f3b1", "username": "olivia", "since": since},
        ),
    }
    rows = admin.page("/people/").table().rows
    assert {next(iter(row.part.links)): row[People.SIGNS_IN_WITH] for row in rows} == {
        "admin": "password", "olivia": "single-sign-on",
    }  # fmt: skip
    assert admin.page("/people/by-name/olivia/").fact(People.SUBJECT) == "f3b1"
    if over == "page":
        assert admin.post("/people/by-name/olivia/single-sign-on/disconnect/").status_code == 302
    else:
        assert admin.delete("/api/v1/people/olivia/single-sign-on").status_code == 204
        assert admin.delete("/api/v1/people/olivia/single-sign-on").status_code == 404
    assert browser.get("/activity/").status_code == 302
    assert ApiToken.objects.get().revoked_at is not None
    row = AuditEntry.objects.filter(action="person.disconnect-sso").earliest("at")
    assert (row.actor_name, row.target, row.detail, row.before, row.after) == (
        "admin", "olivia", {"tokens_revoked": 1, "sessions_ended": 1},
        {"issuer": provider.issuer, "subject": "f3b1"}, None,
    )  # fmt: skip
    # The same account at the provider does not bring the person back.
    assert "olivia is taken" in refusal(sign_in(Client(headers={"host": HOME}), provider), 403)


@pytest.mark.parametrize("over", ["page", "api"])
def test_an_admin_connects_a_refused_account(
    over: str, provider: Provider, olivia: User, browser: Visitor, settings: Settings
) -> None:
    settings.PASSWORD_SIGN_IN = "admins"
    assert "in Settings" not in refusal(sign_in(browser, provider), 403)
    refused = last_audit()
    admin = at_home(person(Role.ADMIN))
    (row,) = admin.page("/people/by-name/olivia/").table(People.SSO).rows
    assert "f3b1" in str(row)
    assert row.part.action(People.CONNECT).fields["sign_in"] == str(refused.pk)
    body = {"sign_in": str(refused.pk)}
    if over == "page":
        assert admin.post("/people/by-name/olivia/single-sign-on/", body).status_code == 302
    else:
        sent = admin.post("/api/v1/people/olivia/single-sign-on", body, content_type="application/json")
        assert sent.status_code == 204
    row = last_audit()
    assert (row.action, row.actor_name, row.target, row.outcome, row.after) == (
        "person.connect-sso", "admin", "olivia", "succeeded",
        {"issuer": provider.issuer, "subject": "f3b1", "username": "olivia"},
    )  # fmt: skip
    assert admin.page("/people/by-name/olivia/").offers(People.DISCONNECT)
    # It is not offered to anybody else.
    assert not admin.page("/people/by-name/admin/").offers(People.CONNECT)
    assert sign_in(browser, provider).status_code == 302
    assert User.objects.get(username="olivia").role == Role.OPERATOR


def test_only_a_recent_refusal_of_an_unknown_account_is_connected(
    provider: Provider, olivia: User, admin_user: User
) -> None:
    refusal(sign_in(Client(headers={"host": HOME}), provider), 403)
    row, admin = last_audit(), at_home(admin_user)

    def answer(number: str) -> tuple[int, str]:
        body = {"sign_in": number}
        sent = admin.post("/api/v1/people/olivia/single-sign-on", body, content_type="application/json")
        return sent.status_code, sent.json()["error"]["code"]

    def entry(subject: str, outcome: AuditEntry.Outcome, now: datetime) -> str:
        said = {**row.detail, "subject": subject}
        added = audit_append(
            actor=None, action="person.sign-in", target="olivia", outcome=outcome, detail=said, now=now
        )
        return str(added.pk)

    week = timezone.now() - timedelta(days=7)
    assert answer(entry("long-ago", AuditEntry.Outcome.REFUSED, week)) == (422, "invalid")
    assert answer(entry("let-in", AuditEntry.Outcome.SUCCEEDED, timezone.now())) == (422, "invalid")
    assert answer("00000000-0000-0000-0000-000000000000") == (404, "not_found")
    assert not SocialAccount.objects.exists()


# --- Nothing configured -----------------------------------------------------------------------------------------------


def test_without_a_provider_nothing_is_there(viewer: Visitor) -> None:
    for client in (Client(), viewer):
        for path in ("/sign-in/sso/", "/sign-in/sso/callback/?code=x&state=y"):
            assert client.get(path).status_code == 404
    assert viewer.post("/settings/single-sign-on/", {"password": RIGHT}).status_code == 404
    assert "/sign-in/sso/" not in Visitor().page("/sign-in/").html
    assert "single-sign-on" not in viewer.page("/settings/").html


@pytest.mark.parametrize("prefix", ["/", "/accounts/"])
def test_no_page_of_allauth_is_reachable(prefix: str, provider: Provider, viewer_user: User) -> None:
    client = at_home(viewer_user)
    paths = ("login", "signup", "logout", "password/change", "email", "confirm-email", "3rdparty", "3rdparty/signup")
    paths += ("3rdparty/login/error", "social/signup", f"oidc/{provider.issuer}/login", "oidc/x/login/callback")
    assert {path: client.get(f"{prefix}{path}/").status_code for path in paths} == dict.fromkeys(paths, 404)
