"""Requests of a person or a token are bounded by the minute; who has reached the bound is told when to go on."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.accounts import request_rate
from controlplane.accounts.models import User
from controlplane.accounts.request_rate import MINUTE, TooManyRequestsError, requests_bounded
from controlplane.accounts.services import token_create
from tests.accounts.clients import bearer
from tests.pages import Page
from tests.people import visitor


class Clock:
    """A clock that a test moves."""

    now = 1000 * MINUTE

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.REQUESTS_PER_MINUTE = 5
    clock = Clock()
    monkeypatch.setattr(request_rate, "time", clock)
    monkeypatch.setattr(request_rate, "_minute", request_rate._Minute())
    return clock


@pytest.mark.django_db
def test_a_person_and_a_token_have_a_bound_each(clock: Clock, operator_user: User, viewer_user: User) -> None:
    page, other = visitor(viewer_user), visitor(operator_user)
    # Sessions of one person count together, on pages and in the API.
    again = visitor(viewer_user)
    for client, path in ((page, "/settings/"), (again, "/settings/"), (page, "/api/v1/me"), (again, "/api/v1/me")):
        assert client.get(path).status_code == 200
    assert page.post("/settings/time-zone/", {"time_zone": "UTC"}).status_code == 302
    clock.now += 20
    for path in ("/settings/", "/activity/", "/people/"):
        answer = page.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "40"), path
        assert "REQUESTS_PER_MINUTE" in Page.of(answer)
    refused = again.get("/api/v1/me")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert refused.json()["error"]["code"] == "too_many_requests"
    # Nothing was done, and others go on: another person, and the token of the same one.
    assert page.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"}).status_code == 429
    assert other.get("/settings/").status_code == 200
    text = token_create(actor=viewer_user, name="t")[1]
    answers = [bearer(text).get("/api/v1/me") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert (answers[5].headers["Retry-After"], answers[5].json()["error"]["code"]) == ("40", "too_many_requests")
    clock.now += 40
    assert (page.get("/settings/").status_code, bearer(text).get("/api/v1/me").status_code) == (200, 200)


@pytest.mark.django_db
def test_strangers_are_not_counted_by_it(clock: Clock) -> None:
    assert {Client().get("/sign-in/").status_code for _ in range(12)} == {200}
    assert {Client().get("/api/v1/me").status_code for _ in range(12)} == {401}


def test_zero_bounds_nothing(clock: Clock, settings: Settings) -> None:
    settings.REQUESTS_PER_MINUTE = 0
    for _ in range(100):
        requests_bounded("person 1")


def test_of_many_at_once_as_many_as_allowed_are_answered(clock: Clock, settings: Settings) -> None:
    settings.REQUESTS_PER_MINUTE = 50
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait()
        answered = 0
        for _ in range(25):
            try:
                requests_bounded("person 1")
            except TooManyRequestsError:
                continue
            answered += 1
        return answered

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(8))) == 50


def test_what_is_remembered_is_of_one_minute(clock: Clock, settings: Settings) -> None:
    settings.REQUESTS_PER_MINUTE = 10**6
    for number in range(1000):
        requests_bounded(f"token {number}")
    clock.now += MINUTE
    requests_bounded("token 1")
    assert request_rate._minute._counts == {"token 1": 1}


@pytest.mark.django_db
def test_counting_costs_next_to_nothing(settings: Settings) -> None:
    def seconds(times: int, work: Callable[[], object]) -> float:
        began = time.process_time()
        for _ in range(times):
            work()
        return time.process_time() - began

    settings.REQUESTS_PER_MINUTE = 10**9
    client = Client()
    client.get("/sign-in/")
    # Of a page without a list it is less than a hundredth.
    assert seconds(10_000, lambda: requests_bounded("person 1")) < seconds(100, lambda: client.get("/sign-in/"))
