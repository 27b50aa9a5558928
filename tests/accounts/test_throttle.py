"""Guessing passwords is slow, however many try at once and from wherever; the audit says so without being filled."""

import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

import controlplane
from controlplane.accounts.models import AttemptCounter, AuditEntry, User
from controlplane.accounts.tasks import purge_expired
from controlplane.accounts.throttle import (
    ATTEMPTS_BY_ADDRESS,
    ATTEMPTS_BY_NAME,
    ATTEMPTS_BY_NAME_AND_ADDRESS,
    WINDOW,
)
from tests.accounts.clients import GOOD, RIGHT, send
from tests.accounts.together import at_once
from tests.pages import Page, Visitor
from tests.people import visitor

pytestmark = pytest.mark.django_db
FEW = ATTEMPTS_BY_NAME_AND_ADDRESS


class Hashes(MD5PasswordHasher):
    """The tests' hasher; it counts how often a password is verified."""

    lock = threading.Lock()
    verified = 0

    def verify(self, password: str, encoded: str) -> bool:
        with self.lock:
            Hashes.verified += 1
        return super().verify(password, encoded)


@pytest.fixture
def hashes(settings: Settings) -> type[Hashes]:
    settings.PASSWORD_HASHERS = [f"{__name__}.Hashes"]
    Hashes.verified = 0
    return Hashes


def sign_in(client: Client, username: str = "viewer", password: str = RIGHT, **more: Any) -> int:
    return client.post("/sign-in/", {"username": username, "password": password}, **more).status_code


@pytest.mark.django_db(transaction=True)
def test_parallel_attempts_are_verified_as_often_as_the_limit_says(hashes: type[Hashes], viewer_user: User) -> None:
    answers = at_once([lambda: sign_in(Client(), password="wrong")] * 20)
    assert sorted(answers) == [401] * FEW + [429] * (20 - FEW)
    assert hashes.verified == FEW


@pytest.mark.django_db(transaction=True)
def test_parallel_attempts_from_many_addresses_are_held_to_the_limit_of_the_name(
    hashes: type[Hashes], viewer_user: User
) -> None:
    tries = [
        lambda number=number: sign_in(Client(REMOTE_ADDR=f"10.0.0.{number}"), password="wrong")
        for number in range(ATTEMPTS_BY_NAME + 10)
    ]
    answers = at_once(tries)
    assert sorted(answers) == [401] * ATTEMPTS_BY_NAME + [429] * 10
    assert hashes.verified == ATTEMPTS_BY_NAME


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["api", "page", "both"])
def test_parallel_guesses_at_the_current_password_are_throttled_too(
    way: str, hashes: type[Hashes], viewer_user: User
) -> None:
    form = {"current": "wrong", "password": GOOD}

    def by_api(client: Client) -> int:
        answer = send(client, "/me", {"current_password": "wrong", "password": GOOD}, "patch")
        return int(answer.status_code)

    def by_page(client: Client) -> int:
        return client.post("/settings/password/", form).status_code

    ways = {"api": [by_api], "page": [by_page], "both": [by_api, by_page]}[way]
    clients = [visitor(viewer_user) for _ in range(20)]
    hashes.verified = 0
    answers = at_once(
        [lambda one=one, client=client: one(client) for client, one in zip(clients, ways * 20, strict=False)]
    )
    assert hashes.verified == FEW
    assert max(answers) < 500
    if way == "api":
        assert sorted(answers) == [422] * FEW + [429] * (20 - FEW)


def test_guessing_is_stopped_and_the_right_password_does_not_help_then(
    client: Client, hashes: type[Hashes], viewer_user: User
) -> None:
    assert [sign_in(client, password="wrong") for _ in range(FEW)] == [401] * FEW
    answer = client.post("/sign-in/", {"username": "viewer", "password": RIGHT})
    assert answer.status_code == 429
    assert f"{WINDOW.total_seconds() / 60:.0f} minutes" in Page.of(answer).part("error")
    assert WINDOW.total_seconds() - 60 < int(answer.headers["Retry-After"]) <= WINDOW.total_seconds()
    assert hashes.verified == FEW


def test_the_api_says_when_to_try_again(viewer: Visitor) -> None:
    wrong = {"current_password": "wrong", "password": GOOD}
    assert [send(viewer, "/me", wrong, "patch").status_code for _ in range(FEW)] == [422] * FEW
    right = send(viewer, "/me", {"current_password": RIGHT, "password": GOOD}, "patch")
    assert (right.status_code, right.json()["error"]["code"]) == (429, "too_many_attempts")
    assert int(right.headers["Retry-After"]) > 0
    assert User.objects.get().check_password(RIGHT)


def test_a_weak_new_password_is_no_attempt(hashes: type[Hashes], viewer: Visitor) -> None:
    weak = {"current_password": "wrong", "password": "short"}
    assert [send(viewer, "/me", weak, "patch").status_code for _ in range(FEW + 1)] == [422] * (FEW + 1)
    assert (hashes.verified, AttemptCounter.objects.count()) == (0, 0)


def test_the_wait_ends_by_itself(client: Client, viewer_user: User) -> None:
    for _ in range(FEW):
        sign_in(client, password="wrong")
    AttemptCounter.objects.update(window_ends=timezone.now() - timedelta(seconds=1))
    assert sign_in(client) == 302


def test_others_and_other_addresses_are_let_in(client: Client, operator_user: User, viewer_user: User) -> None:
    for _ in range(FEW):
        sign_in(client, password="wrong")
    assert sign_in(client, "operator") == 302
    assert sign_in(Client(REMOTE_ADDR="10.0.0.9")) == 302


def test_another_case_of_a_name_is_no_further_attempt(client: Client, viewer_user: User) -> None:
    names = ["viewer", "VIEWER", "Viewer ", "viewer", " viEwer"]
    assert [sign_in(client, name, "wrong") for name in (*names, "VieweR")] == [401] * FEW + [429]


def test_one_address_may_not_try_many_names(client: Client) -> None:
    answers = [sign_in(client, f"name-{number}", "wrong") for number in range(ATTEMPTS_BY_ADDRESS + 3)]
    assert answers == [401] * ATTEMPTS_BY_ADDRESS + [429] * 3


def test_a_network_of_ipv6_addresses_counts_as_one(client: Client, viewer_user: User) -> None:
    answers = [
        sign_in(client, password="wrong", REMOTE_ADDR=f"2001:db8:0:7::{number:x}") for number in range(1, FEW + 2)
    ]
    assert answers == [401] * FEW + [429]


def test_a_success_forgives_the_failures_before_it(client: Client, viewer_user: User) -> None:
    for _ in range(FEW - 1):
        sign_in(client, password="wrong")
    assert sign_in(client) == 302
    assert sign_in(Client(), password="wrong") == 401
    assert sign_in(Client()) == 302


def test_successes_use_no_limit_up(viewer_user: User) -> None:
    assert {sign_in(Client()) for _ in range(ATTEMPTS_BY_ADDRESS + 5)} == {302}


def test_throttled_attempts_are_audited_and_do_not_fill_the_audit(client: Client, viewer_user: User) -> None:
    for _ in range(FEW + 100):
        sign_in(client, password="wrong")
    refused = AuditEntry.objects.filter(action="person.sign-in", outcome="refused").order_by("at")
    assert [(entry.address, entry.detail) for entry in refused] == [
        ("127.0.0.1", {"reason": "too many attempts", "refused_attempts": number}) for number in (1, 10, 100)
    ]
    assert {entry.actor_name for entry in refused} == {"viewer"}
    assert AuditEntry.objects.filter(outcome="failed").count() == FEW


def test_a_throttled_change_of_password_is_audited_once_and_not_by_each_try(viewer: Visitor) -> None:
    for _ in range(FEW + 9):
        send(viewer, "/me", {"current_password": "wrong", "password": GOOD}, "patch")
    throttled = AuditEntry.objects.filter(action="person.change-password", detail__reason="too many attempts")
    assert (throttled.count(), AuditEntry.objects.count()) == (1, FEW + 1)


def test_what_was_typed_is_in_no_counter(client: Client) -> None:
    sign_in(client, username="my-secret-password")
    assert not any("my-secret" in counter.subject for counter in AttemptCounter.objects.all())


def test_counters_of_the_past_are_purged(client: Client) -> None:
    sign_in(client)
    purge_expired()
    assert AttemptCounter.objects.count() == 3
    AttemptCounter.objects.update(window_ends=timezone.now())
    purge_expired()
    assert not AttemptCounter.objects.exists()


def test_nothing_verifies_a_password_past_the_throttle() -> None:
    root = Path(controlplane.__file__).parent
    verifying = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"(?<!def )\b(a?check_password|a?authenticate)\(", path.read_text())
    }
    assert verifying == {
        "accounts/backends.py",  # called by Django's authenticate
        "accounts/services.py",
        "accounts/second_factor/services.py",
        "accounts/signing_in.py",
        # Compares the password of credentials.json, which it has read itself.
        "accounts/management/commands/first_admin.py",
    }
