"""How the provider has authenticated somebody: what is kept of it, and when a second factor is asked for here."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django.fixtures import Settings

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.models import AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor.freshness import VERIFIED_FOR
from controlplane.accounts.sessions import HOW, SIGN_OUT_HINT
from tests.accounts.oidc_provider import Provider
from tests.accounts.single_sign_on import browser_at_home, leads_to, sign_in
from tests.accounts.two_step import add_app, code_of, give_code, verified, wrong_code_of
from tests.labels import SignIn
from tests.pages import Page, Visitor
from tests.people import person

pytestmark = pytest.mark.django_db
SETUP, SECOND = "/settings/second-factors/", "/sign-in/second-factor/?next=%2Factivity%2F"
STALE = VERIFIED_FOR.total_seconds() + 1


@pytest.fixture
def browser() -> Visitor:
    return browser_at_home()


def asked(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def free(browser: Visitor) -> bool:
    """Whether the person may go where they want, rather than to the setup of a second factor."""
    answer = browser.get("/activity/")
    assert answer.status_code == 200 or answer.headers["Location"] == SETUP
    session = UserSession.objects.exclude(user=None).get()
    # What opens a session without a request says the same.
    assert (person_behind(session_key=session.session_key) is not None) == (answer.status_code == 200)
    assert (browser.get("/api/v1/me").status_code == 200) == (answer.status_code == 200)
    return bool(answer.status_code == 200)


def test_class_and_methods_are_kept_on_the_session_and_in_the_audit(provider: Provider, browser: Visitor) -> None:
    provider.claims |= {"acr": "phr", "amr": ["pwd", "hwk"]}
    sign_in(browser, provider)
    how = {"acr": "phr", "amr": ["pwd", "hwk"]}
    assert browser.session[HOW] == how
    detail = AuditEntry.objects.get(action="person.sign-in").detail
    assert {name: detail[name] for name in how} == how


STATED: list[Any] = [["mfa"], ["pwd", "otp"], ["hwk"], ["sc", "pin"], ["swk", "user"]]
NOT_STATED: list[Any] = [None, [], ["pwd"], ["fpt"], ["pwd", "sms"], ["MFA"], ["mfa "], "mfa", 7, [["mfa"]], {"mfa": 1}]


@pytest.mark.parametrize(("amr", "expected"), [*((amr, True) for amr in STATED), *((amr, False) for amr in NOT_STATED)])
def test_where_it_is_required_the_provider_has_to_state_a_second_factor(
    amr: Any, expected: bool, provider: Provider, browser: Visitor, settings: Settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    provider.claims["amr"] = amr
    sign_in(browser, provider)
    assert free(browser) is expected


@pytest.mark.parametrize(("acr", "expected"), [("phr", True), ("2", True), ("1", False), ("", False), (None, False)])
def test_a_class_counts_that_the_installation_asks_for(
    acr: str | None, expected: bool, provider: Provider, browser: Visitor, settings: Settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    settings.SINGLE_SIGN_ON = provider.configuration(acr_values=("phr", "2"))
    provider.claims["acr"] = acr
    address = leads_to(browser.post("/sign-in/sso/"))
    assert asked(address)["acr_values"] == "phr 2"
    browser.get("/sign-in/sso/callback/", provider.grant(address))
    assert free(browser) is expected


def test_the_userinfo_states_nothing_of_it(provider: Provider, browser: Visitor, settings: Settings) -> None:
    """It is not signed, and it says nothing about this sign-in."""
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    del provider.claims["preferred_username"]
    provider.userinfo |= {"preferred_username": "olivia", "amr": ["mfa"], "acr": "phr"}
    settings.SINGLE_SIGN_ON = provider.configuration(acr_values=("phr",))
    sign_in(browser, provider)
    assert not free(browser)


@pytest.mark.parametrize(("required", "expected"), [("none", True), ("admins", True), ("everyone", False)])
def test_it_is_required_of_whom_the_setting_names(
    required: str, expected: bool, provider: Provider, browser: Visitor, settings: Settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR = required
    sign_in(browser, provider)
    assert free(browser) is expected


def test_who_has_a_second_factor_here_is_asked_for_it(provider: Provider, browser: Visitor, settings: Settings) -> None:
    sign_in(browser, provider)
    secret = add_app(User.objects.get())
    browser.post("/sign-out/")
    settings.REQUIRE_SECOND_FACTOR = "everyone"
    before = AuditEntry.objects.count()
    assert sign_in(browser, provider).headers["Location"] == SECOND
    assert browser.get("/activity/").headers["Location"].startswith("/sign-in/")
    assert give_code(browser, wrong_code_of(secret)).status_code == 401
    assert not UserSession.objects.exclude(user=None).exists()
    assert give_code(browser, code_of(secret)).headers["Location"] == "/activity/"
    assert free(browser)
    # The session knows its provider all the same: signing out ends it there.
    assert browser.session[SIGN_OUT_HINT]
    row = AuditEntry.objects.filter(outcome="succeeded")[0]
    assert AuditEntry.objects.count() == before + 2
    assert (row.action, row.detail["by"], row.detail["second_factor"]) == ("person.sign-in", "Example ID", "totp")
    # Where the provider states one, none is asked for here.
    browser.post("/sign-out/")
    provider.claims["amr"] = ["mfa"]
    assert sign_in(browser, provider).headers["Location"] == "/activity/"


def test_a_sign_in_that_was_left_gives_nothing_to_another_person(
    provider: Provider, browser: Visitor, settings: Settings
) -> None:
    sign_in(browser, provider)
    add_app(User.objects.get())
    browser.post("/sign-out/")
    settings.REQUIRE_SECOND_FACTOR = "admins"
    provider.claims["groups"] = ["lakehouse-admins"]
    assert sign_in(browser, provider).headers["Location"] == SECOND
    viewer = person(Role.VIEWER)
    answer = browser.post("/sign-in/", {"username": viewer.username, "password": "x" * 16})
    assert answer.headers["Location"] == "/"
    assert SIGN_OUT_HINT not in browser.session
    assert "by" not in AuditEntry.objects.latest("sequence").detail


# --- Verifying at the provider ----------------------------------------------------------------------------------------


def verification(browser: Visitor, provider: Provider, **claims: Any) -> Any:
    """Sign in at the provider once more, to show that it is still oneself."""
    address = leads_to(browser.post("/settings/verify/single-sign-on/", {"next": "/people/add/"}))
    assert {name: asked(address)[name] for name in ("prompt", "max_age")} == {"prompt": "login", "max_age": "0"}
    provider.claims |= claims
    return browser.get("/sign-in/sso/callback/", provider.grant(address))


@pytest.fixture
def olivia(provider: Provider, browser: Visitor) -> Visitor:
    """An admin of the provider, without a password here, who has verified too long ago."""
    provider.claims["groups"] = ["lakehouse-admins"]
    sign_in(browser, provider)
    return verified(browser, STALE)


def test_a_person_without_a_password_verifies_at_the_provider(provider: Provider, olivia: Visitor) -> None:
    assert olivia.get("/people/add/").headers["Location"] == "/settings/verify/?next=%2Fpeople%2Fadd%2F"
    page = olivia.page("/settings/verify/?next=/people/add/")
    assert page.offers(SignIn.again_at("Example ID"))
    assert "password" not in page.controls
    key = olivia.session.session_key
    answer = verification(olivia, provider, auth_time=int(time.time()))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/people/add/")
    assert olivia.get("/people/add/").status_code == 200
    assert olivia.session.session_key != key
    row = AuditEntry.objects.latest("sequence")
    assert (row.action, row.actor_name, row.detail) == ("person.verify", "olivia", {"method": "single sign-on"})


REFUSED: dict[str, dict[str, Any]] = {
    "no time": {"auth_time": None},
    "an earlier sign-in": {"auth_time": int(time.time()) - 3600},
    "a text": {"auth_time": "now"},
    "another account": {"auth_time": int(time.time()) + 3600, "sub": "0000"},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_a_verification_is_of_this_account_and_of_now(
    claims: dict[str, Any], provider: Provider, olivia: Visitor
) -> None:
    answer = verification(olivia, provider, **claims)
    assert answer.status_code == 403
    assert Page.of(answer).heading == SignIn.FAILED
    assert olivia.get("/people/add/").status_code == 302


def test_a_verification_is_for_who_has_begun_it(provider: Provider, olivia: Visitor, admin_user: User) -> None:
    address = leads_to(olivia.post("/settings/verify/single-sign-on/"))
    provider.claims["auth_time"] = int(time.time())
    back = provider.grant(address)
    olivia.force_login(admin_user)
    verified(olivia, STALE)
    assert olivia.get("/sign-in/sso/callback/", back).status_code == 400
    assert olivia.get("/people/add/").status_code == 302
    assert olivia.post("/settings/verify/single-sign-on/").status_code == 404
