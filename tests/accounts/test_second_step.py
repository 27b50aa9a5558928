"""Signing in with a second factor: nothing before it was verified, each code once, guessing is slow, in one browser."""

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

import controlplane
import controlplane.accounts.second_factor.verifying as verifying
from controlplane.accounts.account_links import link_issue
from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.models import AccountLink, AttemptCounter, AuditEntry, User, UserSession
from controlplane.accounts.own_name import CODE_SECONDS
from controlplane.accounts.second_factor.half_way import HALF_WAY, HALF_WAY_FOR
from controlplane.accounts.throttle import ATTEMPTS_BY_NAME_AND_ADDRESS, CODES_BY_DAY
from tests.accounts.handed_over import form_of, go_on
from tests.accounts.together import at_once
from tests.accounts.two_step import (
    OWN,
    add_app,
    code_of,
    give_code,
    give_password,
    is_signed_in,
    recovery_codes_of,
    session_value,
    wrong_code_of,
)
from tests.labels import SignIn
from tests.pages import Page

pytestmark = pytest.mark.django_db
FEW = ATTEMPTS_BY_NAME_AND_ADDRESS


@pytest.fixture
def olga(operator_user: User) -> User:
    return operator_user


@pytest.fixture
def secret(olga: User) -> str:
    return add_app(olga)


def sign_ins() -> list[tuple[str, dict[str, Any]]]:
    rows = AuditEntry.objects.filter(action="person.sign-in").order_by("at")
    return [(row.outcome, row.detail) for row in rows]


def test_the_password_alone_signs_nobody_in_who_has_a_second_factor(client: Client, olga: User, secret: str) -> None:
    answer = give_password(client, olga)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/second-factor/?next=%2Factivity%2F")
    assert SESSION_KEY not in client.session
    assert client.get("/activity/").headers["Location"].startswith("/sign-in/?next=")
    assert client.get("/api/v1/me").status_code == 401
    assert person_behind(session_key=client.session.session_key or "") is None
    assert (UserSession.objects.get().user, User.objects.get().last_login, sign_ins()) == (None, None, [])


def test_a_code_signs_in_and_leads_where_the_person_was_going(client: Client, olga: User, secret: str) -> None:
    give_password(client, olga)
    before = client.session.session_key
    assert olga.username in Page.of(client.get("/sign-in/second-factor/?next=/activity/"))
    answer = give_code(client, code_of(secret))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/activity/")
    assert is_signed_in(client)
    assert client.session.session_key != before
    assert session_value(client, HALF_WAY) is None
    assert sign_ins() == [("succeeded", {"second_factor": "totp"})]
    used = Authenticator.objects.get(type="totp").last_used_at
    assert used is not None


def test_who_has_no_second_factor_signs_in_as_before(client: Client, olga: User) -> None:
    assert give_password(client, olga).headers["Location"] == "/activity/"
    assert is_signed_in(client)
    assert sign_ins() == [("succeeded", {})]


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "\x00" * 6, "٣٣٣٣٣٣", "wrong", "0" * 10, "1" * 4000])
def test_a_wrong_code_is_refused_and_audited(client: Client, olga: User, secret: str, typed: str) -> None:
    give_password(client, olga)
    answer = give_code(client, wrong_code_of(secret) if typed == "wrong" else typed)
    assert answer.status_code == 401
    assert SignIn.USED in Page.of(answer).errors["code"]
    assert not is_signed_in(client)
    method = "recovery code" if typed == "0" * 10 else "totp"
    assert sign_ins() == [("failed", {"second_factor": method})]
    assert give_code(client, code_of(secret)).status_code == 302


def test_a_code_is_taken_once_and_no_earlier_one_after_it(olga: User, secret: str) -> None:
    codes = {steps: code_of(secret, steps) for steps in (-1, 0, 1)}
    answers = []
    for steps in (0, 0, -1, 1, 1):
        client = Client()
        give_password(client, olga)
        answers.append(give_code(client, codes[steps]).status_code)
    # Where a step ends meanwhile, the first one was of the step before, which is accepted as well.
    assert answers == [302, 401, 401, 302, 401]


def test_a_code_typed_in_two_groups_is_the_same_code(client: Client, olga: User, secret: str) -> None:
    give_password(client, olga)
    code = code_of(secret)
    assert give_code(client, f" {code[:3]} {code[3:]} ").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_many_that_send_one_code_at_once_one_is_signed_in(olga: User, secret: str) -> None:
    clients = [Client(REMOTE_ADDR=f"10.0.0.{number}") for number in range(8)]
    for client in clients:
        give_password(client, olga)
    code = code_of(secret)
    answers = at_once([lambda client=client: give_code(client, code).status_code for client in clients])
    assert sorted(answers) == [302] + [401] * 7
    assert UserSession.objects.filter(user=olga).count() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_are_verified_as_often_as_the_limit_says(
    olga: User, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = []
    real = verifying.totp_counter

    def counted(*words: Any, **more: Any) -> int | None:
        verified.append(words)
        return real(*words, **more)

    monkeypatch.setattr(verifying, "totp_counter", counted)
    clients = [Client() for _ in range(20)]
    for client in clients:
        give_password(client, olga)
    code = wrong_code_of(secret)
    answers = at_once([lambda client=client: give_code(client, code).status_code for client in clients])
    assert sorted(answers) == [401] * FEW + [429] * (20 - FEW)
    assert len(verified) == FEW


def test_the_right_password_gives_no_further_guesses(client: Client, olga: User, secret: str) -> None:
    wrong = wrong_code_of(secret)
    answers = []
    for _ in range(FEW + 2):
        assert give_password(client, olga).status_code == 302
        answers.append(give_code(client, wrong).status_code)
    assert answers == [401] * FEW + [429] * 2
    answer = give_code(client, code_of(secret))
    assert answer.status_code == 429
    assert SignIn.NOT_CHECKED in Page.of(answer).errors["code"]
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    refused = [detail for outcome, detail in sign_ins() if outcome == "refused"]
    assert refused == [{"reason": "too many attempts", "refused_attempts": 1}]


def test_guessing_for_days_is_bounded_by_the_day(client: Client, olga: User, secret: str) -> None:
    wrong = wrong_code_of(secret)
    give_password(client, olga)
    assert [give_code(client, wrong).status_code for _ in range(FEW)] == [401] * FEW
    day = AttemptCounter.objects.filter(subject__startswith="day-")
    assert day.get().attempts == FEW
    # Hours later, with as many guesses in each window of five minutes as are allowed.
    AttemptCounter.objects.exclude(subject__startswith="day-").delete()
    day.update(attempts=CODES_BY_DAY - 1)
    assert [give_code(client, wrong).status_code for _ in range(2)] == [401, 429]
    assert "24 hours" in Page.of(give_code(client, code_of(secret))).errors["code"]


def test_a_success_forgives_the_failures_before_it(client: Client, olga: User, secret: str) -> None:
    give_password(client, olga)
    for _ in range(FEW - 1):
        give_code(client, wrong_code_of(secret))
    assert give_code(client, code_of(secret)).status_code == 302
    again = Client()
    give_password(again, olga)
    assert [give_code(again, wrong_code_of(secret)).status_code for _ in range(FEW)] == [401] * FEW


def test_a_recovery_code_signs_in_once(client: Client, olga: User, secret: str) -> None:
    codes = recovery_codes_of(olga)
    assert (len(codes), len(set(codes)), {len(code) for code in codes}) == (10, 10, {10})
    give_password(client, olga)
    answer = give_code(client, f"{codes[3][:5]} {codes[3][5:]}")
    assert answer.headers["Location"] == "/activity/"
    (message,) = Page.of(client.get("/activity/")).messages
    assert re.findall(r"\d+", message) == ["9"]
    assert sign_ins() == [("succeeded", {"second_factor": "recovery code"})]
    again = Client()
    give_password(again, olga)
    assert give_code(again, codes[3]).status_code == 401
    assert give_code(again, codes[4]).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_many_that_send_one_recovery_code_at_once_one_is_signed_in(olga: User, secret: str) -> None:
    clients = [Client(REMOTE_ADDR=f"10.0.0.{number}") for number in range(8)]
    for client in clients:
        give_password(client, olga)
    code = recovery_codes_of(olga)[0]
    answers = at_once([lambda client=client: give_code(client, code).status_code for client in clients])
    assert sorted(answers) == [302] + [401] * 7


@pytest.mark.parametrize("what", ["time", "password", "deactivated", "removed", "sign-out"])
def test_the_half_of_a_sign_in_ends(client: Client, olga: User, secret: str, what: str) -> None:
    give_password(client, olga)
    state = session_value(client, HALF_WAY)
    assert 0 < state["until"] - time.time() <= HALF_WAY_FOR.total_seconds() == 300
    if what == "time":
        session = client.session
        session[HALF_WAY] = {**state, "until": time.time()}
        session.save()
    elif what == "password":
        olga.set_password("another long passphrase")
        olga.save()
    elif what == "deactivated":
        User.objects.update(is_active=False)
    elif what == "removed":
        Authenticator.objects.all().delete()
    else:
        client.cookies.clear()
    answer = give_code(client, code_of(secret))
    assert answer.headers["Location"] == "/sign-in/?expired=1&next=%2Factivity%2F"
    assert not is_signed_in(client)
    (alert,) = Page.of(client.get("/sign-in/?expired=1")).alerts
    assert SignIn.EXPIRED in alert
    assert sign_ins() == []


def test_another_browser_can_not_go_on_with_it(client: Client, olga: User, secret: str) -> None:
    give_password(client, olga)
    assert give_code(Client(), code_of(secret)).headers["Location"].startswith("/sign-in/?expired=1")


def test_the_key_of_a_session_that_was_there_before_is_not_kept(client: Client, olga: User, secret: str) -> None:
    session = client.session
    session["before"] = 1
    session.save()
    planted = session.session_key
    give_password(client, olga)
    assert client.session.session_key != planted
    assert not UserSession.objects.filter(session_key=planted).exists()


def test_a_deactivated_person_with_a_second_factor_is_refused_at_the_password(client: Client, olga: User) -> None:
    add_app(olga)
    User.objects.update(is_active=False)
    assert give_password(client, olga).status_code == 401


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org/", "javascript:alert(1)"])
def test_it_leads_nowhere_else(client: Client, olga: User, secret: str, elsewhere: str) -> None:
    give_password(client, olga, elsewhere)
    assert give_code(client, code_of(secret), elsewhere).headers["Location"] == "/"


def test_a_form_from_elsewhere_is_refused(olga: User, secret: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert give_code(client, code_of(secret)).status_code == 403


@pytest.mark.parametrize("kind", list(AccountLink.Kind))
def test_a_link_for_a_new_password_keeps_the_second_factor(client: Client, olga: User, secret: str, kind: str) -> None:
    _, url = link_issue(olga, AccountLink.Kind(kind), by=None, by_name="tests")
    answer = client.post("/account-link/", {"code": url.rpartition("#")[2], "password": "a long enough passphrase"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/second-factor/")
    assert not is_signed_in(client)
    assert give_code(client, wrong_code_of(secret)).status_code == 401
    assert give_code(client, code_of(secret)).headers["Location"] == "/activity/"


# --- Under another name than the installation's own ---


@pytest.fixture
def _named(settings: Settings) -> None:
    settings.PUBLIC_URL = f"http://{OWN}"
    settings.ALLOWED_HOSTS = ["127.0.0.1", OWN.partition(":")[0]]


@pytest.mark.usefixtures("_named")
def test_the_second_step_is_under_the_own_name_only(olga: User, secret: str) -> None:
    elsewhere, home = Client(headers={"host": "127.0.0.1:8000"}), Client(headers={"host": OWN})
    wrong = elsewhere.post("/sign-in/", {"username": olga.username, "password": "wrong"})
    assert OWN.partition(":")[0] not in f"{wrong.headers} {wrong.content.decode()}"
    answer = give_password(elsewhere, olga)
    assert Page.of(answer).heading == SignIn.ONE_MORE_STEP
    assert session_value(elsewhere, HALF_WAY) is None
    form = form_of(answer)
    # Nothing can be done where the password was given.
    assert give_code(elsewhere, code_of(secret)).headers["Location"].startswith("/sign-in/?expired=1")
    taken = go_on(home, form)
    assert taken.headers["Location"] == "/sign-in/second-factor/?next=%2Factivity%2F"
    assert not is_signed_in(home)
    assert give_code(home, code_of(secret)).headers["Location"] == "/activity/"
    assert is_signed_in(home)
    # The code works once.
    again = Client(headers={"host": OWN})
    assert go_on(again, form).headers["Location"] == "/sign-in/?over=1"


@pytest.mark.usefixtures("_named")
def test_the_half_of_a_sign_in_holds_under_no_other_name(olga: User, secret: str, settings: Settings) -> None:
    home = Client(headers={"host": OWN})
    give_password(home, olga)
    thief = Client(headers={"host": "127.0.0.1:8000"})
    thief.cookies[settings.SESSION_COOKIE_NAME] = home.cookies[settings.SESSION_COOKIE_NAME].value
    answer = give_code(thief, code_of(secret))
    assert answer.headers["Location"].startswith("/sign-in/?expired=1")
    assert OWN.partition(":")[0] not in f"{answer.headers} {answer.content.decode()}"
    assert give_code(home, code_of(secret)).headers["Location"] == "/activity/"


@pytest.mark.usefixtures("_named")
def test_the_link_of_a_half_sign_in_is_of_no_use_after_a_minute(olga: User, secret: str) -> None:
    answer = give_password(Client(headers={"host": "127.0.0.1:8000"}), olga)
    form = form_of(answer)
    (ticket,) = UserSession.objects.exclude(expire_date__gt=timezone.now() + timedelta(seconds=CODE_SECONDS))
    UserSession.objects.filter(pk=ticket.pk).update(expire_date=timezone.now())
    assert go_on(Client(headers={"host": OWN}), form).headers["Location"] == "/sign-in/?over=1"


def test_nothing_but_the_throttled_function_verifies_a_stored_factor() -> None:
    """Codes are compared in verifying.py; what calls its inner functions is there too."""
    root = Path(controlplane.__file__).parent
    callers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(
            r"validate_code\(|validate_totp_code\(|hotp_value\(|_totp_used|_recovery_code_used", path.read_text()
        )
    }
    assert callers == {"accounts/second_factor/verifying.py"}
