"""Passkeys: registered and used under the installation's own name and origin only, each challenge once."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.accounts.models import AttemptCounter, AuditEntry, User, UserSession
from controlplane.accounts.second_factor.services import MOST_PASSKEYS
from controlplane.accounts.throttle import ATTEMPTS_BY_ADDRESS
from tests.accounts.clients import send
from tests.accounts.two_step import (
    OWN,
    PRESENT,
    VERIFIED,
    Passkey,
    add_app,
    add_passkey,
    give_code,
    give_password,
    is_signed_in,
    recovery_codes_of,
    verified,
)
from tests.labels import OwnSettings, SignIn
from tests.pages import Page, Visitor

pytestmark = pytest.mark.django_db
NAME = OWN.partition(":")[0]


@pytest.fixture(autouse=True)
def _named(settings: Settings) -> None:
    settings.PUBLIC_URL = f"http://{OWN}"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", NAME]


def home() -> Visitor:
    return Visitor(headers={"host": OWN})


@pytest.fixture
def olga(operator_user: User) -> User:
    return operator_user


@pytest.fixture
def browser(olga: User) -> Visitor:
    client = home()
    client.force_login(olga)
    return verified(client)


@pytest.fixture
def passkey(browser: Visitor) -> Passkey:
    """Olga's, added on the page."""
    passkey = Passkey()
    assert add_passkey(browser, passkey).status_code == 200
    return passkey


def by_passkey(client: Client, passkey: Passkey, **more: Any) -> Any:
    """Sign in by the passkey alone."""
    options = client.post("/sign-in/passkey/options/").json()
    form = {"credential": passkey.signed(options, **more), "next": "/activity/"}
    return client.post("/sign-in/passkey/", form)


def sign_ins() -> list[tuple[str, str, dict[str, Any]]]:
    rows = AuditEntry.objects.filter(action="person.sign-in").order_by("at")
    return [(row.actor_name, row.outcome, row.detail) for row in rows]


def test_a_passkey_is_registered_with_user_verification(browser: Visitor, olga: User) -> None:
    options = browser.post("/settings/second-factors/passkeys/options/").json()
    assert options["rp"] == {"id": NAME, "name": "Lakehouse"}
    assert (options["user"]["name"], options["user"]["displayName"]) == ("operator", "operator")
    selection = options["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    passkey = Passkey()
    form = {"name": " laptop ", "credential": passkey.created(options)}
    answer = browser.post("/settings/second-factors/passkeys/", form)
    assert (answer.status_code, Page.of(answer).heading) == (200, OwnSettings.RECOVERY_CODES)
    factor = browser.get("/api/v1/me/second-factors").json()["items"][0]
    assert (factor["kind"], factor["name"], factor["last_used_at"]) == ("passkey", "laptop", None)
    # A further one is asked for without those that the person has.
    excluded = browser.post("/settings/second-factors/passkeys/options/").json()["excludeCredentials"]
    assert [one["id"] for one in excluded] == [json.loads(form["credential"])["id"]]


def test_a_passkey_signs_in_alone(passkey: Passkey) -> None:
    client = home()
    assert client.page("/sign-in/").offers(SignIn.BY_PASSKEY)
    options = client.post("/sign-in/passkey/options/").json()
    assert (options["rpId"], options["userVerification"]) == (NAME, "required")
    assert options.get("allowCredentials", []) == []
    answer = client.post("/sign-in/passkey/", {"credential": passkey.signed(options), "next": "/activity/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/activity/")
    assert is_signed_in(client)
    assert sign_ins() == [("operator", "succeeded", {"passkey": "alone"})]
    assert Authenticator.objects.get(type="webauthn").last_used_at is not None
    # It counts as a verification.
    assert client.get("/settings/second-factors/totp/").status_code == 200


def test_a_passkey_is_the_second_step_too(passkey: Passkey, olga: User) -> None:
    client = home()
    give_password(client, olga)
    page = client.page("/sign-in/second-factor/")
    assert page.offers(SignIn.PASSKEY)
    assert page.field(SignIn.RECOVERY_CODE).name == "code"
    options = client.post("/sign-in/second-factor/passkey/").json()
    assert len(options["allowCredentials"]) == 1
    form = {"credential": passkey.signed(options), "next": "/activity/"}
    assert client.post("/sign-in/second-factor/", form).headers["Location"] == "/activity/"
    assert sign_ins() == [("operator", "succeeded", {"second_factor": "passkey"})]


def test_a_passkey_verifies_a_change(passkey: Passkey, browser: Visitor) -> None:
    verified(browser, 301)
    assert browser.page("/settings/verify/").offers(SignIn.PASSKEY)
    options = browser.post("/settings/verify/passkey/").json()
    form = {"credential": passkey.signed(options), "next": "/settings/second-factors/totp/"}
    assert browser.post("/settings/verify/", form).headers["Location"] == "/settings/second-factors/totp/"
    assert browser.get("/settings/second-factors/totp/").status_code == 200
    # The same answer once more.
    verified(browser, 301)
    assert browser.post("/settings/verify/", form).status_code == 401
    assert AuditEntry.objects.latest("at").detail == {"second_factor": "passkey"}


def test_with_a_passkey_alone_a_recovery_code_is_the_other_way_in(passkey: Passkey, olga: User) -> None:
    client = home()
    give_password(client, olga)
    assert give_code(client, recovery_codes_of(olga)[0]).headers["Location"] == "/activity/"


WRONG: dict[str, Callable[[], Passkey]] = {
    "another port of the name": lambda: Passkey(origin=f"http://{NAME}:9999"),
    "another scheme": lambda: Passkey(origin=f"https://{OWN}"),
    "another site": lambda: Passkey(origin="https://evil.example"),
    "no verification of the person": lambda: Passkey(flags=PRESENT),
    "nobody present": lambda: Passkey(flags=VERIFIED),
    "another key": Passkey,
    "another credential": lambda: Passkey(number=2),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_signs_nobody_in(passkey: Passkey, wrong: str) -> None:
    other = WRONG[wrong]()
    other.user = passkey.user
    if wrong not in ("another key", "another credential"):
        other._key = passkey._key
    client = home()
    answer = by_passkey(client, other)
    assert answer.status_code == 401
    assert SignIn.PASSKEY_REFUSED in Page.of(answer).part("error")
    assert not is_signed_in(client)
    assert sign_ins() == [("nobody", "failed", {"second_factor": "passkey"})]


@pytest.mark.parametrize("wrong", [name for name in WRONG if not name.startswith("another key")][:5])
def test_a_wrong_answer_registers_nothing(browser: Visitor, wrong: str) -> None:
    answer = add_passkey(browser, WRONG[wrong]())
    assert answer.status_code == 401
    assert not Authenticator.objects.exists()


def test_a_challenge_is_used_up_by_its_first_answer(passkey: Passkey) -> None:
    client = home()
    options = client.post("/sign-in/passkey/options/").json()
    right = {"credential": passkey.signed(options)}
    assert client.post("/sign-in/passkey/", {"credential": Passkey().signed(options, passkey.user)}).status_code == 401
    assert client.post("/sign-in/passkey/", right).status_code == 401
    options = client.post("/sign-in/passkey/options/").json()
    right = {"credential": passkey.signed(options)}
    assert client.post("/sign-in/passkey/", right).status_code == 302
    client.post("/sign-out/")
    assert client.post("/sign-in/passkey/", right).status_code == 401


def test_a_challenge_is_of_one_browser_and_five_minutes(passkey: Passkey) -> None:
    client = home()
    options = client.post("/sign-in/passkey/options/").json()
    right = {"credential": passkey.signed(options)}
    assert home().post("/sign-in/passkey/", right).status_code == 401
    session = client.session
    assert 0 < session["passkey_until"] - time.time() <= 300
    session["passkey_until"] = time.time()
    session.save()
    assert client.post("/sign-in/passkey/", right).status_code == 401


def test_somebody_elses_passkey_is_no_second_step(passkey: Passkey, viewer_user: User) -> None:
    add_app(viewer_user)
    client = home()
    give_password(client, viewer_user)
    options = client.post("/sign-in/second-factor/passkey/").json()
    assert client.post("/sign-in/second-factor/", {"credential": passkey.signed(options)}).status_code == 401
    # Nor does a handle of somebody else make it theirs.
    handle = b"1"
    assert by_passkey(home(), passkey, user=handle).status_code == 401


def test_a_deactivated_person_is_refused(passkey: Passkey) -> None:
    User.objects.update(is_active=False)
    assert by_passkey(home(), passkey).status_code == 401


MALFORMED = [
    *("", "{", "[]", "1", "null", "{}", "[" * 5000, "x" * 100_000),
    *('{"response": 1}', '{"response": {"userHandle": 1}}'),
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30"}}),
    json.dumps({"id": "AA", "rawId": "AB", "type": "public-key", "response": {}}),
    json.dumps(
        {
            "id": "AA", "rawId": "AA", "type": "public-key",
            "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "AA"},
        }
    ),
    json.dumps(
        {
            "id": "AA", "rawId": "AA", "type": "public-key",
            "response": {"clientDataJSON": "e30", "attestationObject": "oA"},
        }
    ),
]  # fmt: skip


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
def test_what_no_browser_sends_is_refused(browser: Visitor, passkey: Passkey, answer: str) -> None:
    client = home()
    client.post("/sign-in/passkey/options/")
    assert client.post("/sign-in/passkey/", {"credential": answer}).status_code == 401
    browser.post("/settings/second-factors/passkeys/options/")
    form = {"name": "x", "credential": answer}
    assert browser.post("/settings/second-factors/passkeys/", form).status_code == 401
    assert Authenticator.objects.filter(type="webauthn").count() == 1


# Names that can't be kept, and what is said of each.
NO_NAMES = {
    "": "name: must have 1 to 80 characters, has 0.",
    " ": "name: must have 1 to 80 characters, has 0.",
    "x" * 81: "name: must have 1 to 80 characters, has 81.",
    "a\x00b": "name: contains invisible characters: ",
    "a\x07b": "name: contains invisible characters: ",
}


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_can_not_be_kept_is_refused(browser: Visitor, name: str) -> None:
    answer = add_passkey(browser, Passkey(), name)
    assert answer.status_code == 422
    assert Page.of(answer).part("error").text.startswith(NO_NAMES[name])
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.latest("sequence").outcome == "refused"


def test_passkeys_are_renamed_and_removed(passkey: Passkey, browser: Visitor, olga: User) -> None:
    factor = Authenticator.objects.get(type="webauthn")
    renamed = send(browser, f"/me/second-factors/{factor.pk}", {"name": " blue key "}, "patch")
    assert (renamed.status_code, renamed.json()["name"]) == (200, "blue key")
    entry = AuditEntry.objects.get(action="second-factor.rename")
    assert (entry.before, entry.after) == ({"name": "laptop"}, {"name": "blue key"})
    for name in ("", " ", "x" * 81, "a\x07b"):
        refused = send(browser, f"/me/second-factors/{factor.pk}", {"name": name}, "patch")
        assert refused.status_code == 422
        assert refused.json()["error"]["message"].startswith(NO_NAMES[name])
    page = Page.of(browser.post(f"/settings/second-factors/{factor.pk}/rename/", {"name": "phone"}, follow=True))
    assert ["phone" in message for message in page.messages] == [True]
    browser.post(f"/settings/second-factors/{factor.pk}/remove/")
    assert not Authenticator.objects.exists()
    client = home()
    assert by_passkey(client, passkey).status_code == 401


def test_a_second_passkey_leaves_recovery_codes_and_sessions(passkey: Passkey, browser: Visitor, olga: User) -> None:
    before = recovery_codes_of(olga)
    other = home()
    other.force_login(olga)
    answer = add_passkey(browser, Passkey(number=2), "phone")
    assert answer.headers["Location"] == "/settings/second-factors/"
    assert recovery_codes_of(olga) == before
    assert is_signed_in(other)
    assert add_passkey(browser, Passkey(number=2), "again").status_code == 401
    # As good as the first one.
    assert by_passkey(home(), passkey).status_code == 302


def test_there_are_at_most_so_many(passkey: Passkey, browser: Visitor, olga: User) -> None:
    row = Authenticator.objects.get(type="webauthn")
    Authenticator.objects.bulk_create(
        [Authenticator(user=olga, type="webauthn", data=row.data) for _ in range(MOST_PASSKEYS - 1)]
    )
    answer = add_passkey(browser, Passkey(number=2))
    assert answer.status_code == 409
    assert str(MOST_PASSKEYS) in Page.of(answer).part("error").text.split()


def test_strangers_begin_a_bounded_number_of_sessions(passkey: Passkey) -> None:
    before = UserSession.objects.count()
    assert home().post("/sign-in/passkey/options/").status_code == 200
    begun = AttemptCounter.objects.filter(subject="passkey-address:127.0.0.1")
    assert begun.update(attempts=ATTEMPTS_BY_ADDRESS - 1) == 1
    answers = [home().post("/sign-in/passkey/options/").status_code for _ in range(3)]
    assert answers == [200, 429, 429]
    assert UserSession.objects.count() == before + 2


def test_successes_use_no_limit_up(passkey: Passkey) -> None:
    home().post("/sign-in/passkey/options/")
    AttemptCounter.objects.filter(subject="passkey-address:127.0.0.1").update(attempts=ATTEMPTS_BY_ADDRESS - 1)
    assert [by_passkey(home(), passkey).status_code for _ in range(3)] == [302] * 3


@pytest.mark.parametrize(
    ("public", "host", "secure", "works"),
    [
        (f"http://{OWN}", OWN, False, True),
        (f"http://{OWN}", "127.0.0.1:8000", False, False),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False, False),
        ("http://localhost:8000", "localhost:8000", False, True),
        ("http://localhost:8000", "127.0.0.1:8000", False, False),
        ("https://lake.example", "lake.example", True, True),
        ("https://10.0.0.5", "10.0.0.5", True, False),
        ("http://lake.example", "lake.example", False, False),
    ],
)
def test_they_are_offered_where_browsers_have_them(
    settings: Settings, olga: User, public: str, host: str, secure: bool, works: bool
) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = public, ["*"]
    client = Client(headers={"host": host})
    assert Page.of(client.get("/sign-in/", secure=secure)).offers(SignIn.BY_PASSKEY) == works
    answer = client.post("/sign-in/passkey/options/", secure=secure)
    assert (answer.status_code, answer.json().get("error", {}).get("code")) == (
        (200, None) if works else (409, "passkeys_unavailable")
    )
