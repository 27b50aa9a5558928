"""Errors say what happened and what to do, as a page and as JSON; without a database that is at once."""

import socket

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.web.database import DatabaseWatch
from tests.adapters import Adapters
from tests.labels import Errors
from tests.pages import Page, Visitor
from tests.waiting import done_within


@pytest.fixture
def _database_down(settings: Settings, adapters: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {**settings.DATABASES["default"], "HOST": "127.0.0.1", "PORT": port}
    monkeypatch.setitem(settings.DATABASES, "default", given)
    adapters.use(database_watch=DatabaseWatch())


@pytest.mark.usefixtures("_database_down")
def test_without_a_database_every_page_says_so_at_once() -> None:
    client = Client()
    with done_within(1, "three pages"):
        answers = [client.get(path) for path in ("/", "/people/", "/sign-in/")]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert Errors.DATABASE_AWAY in Page.of(answers[0]).headings
    assert (answers[0].headers["Refresh"], answers[0].headers["Retry-After"]) == ("5", "5")
    assert "default-src 'self'" in answers[0].headers["Content-Security-Policy"]


@pytest.mark.usefixtures("_database_down")
def test_the_api_says_it_in_json() -> None:
    answer = Client().post("/api/v1/people", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_down")


@pytest.mark.django_db
def test_after_a_failure_it_counts_only_to_be_let_in() -> None:
    watch, refused = DatabaseWatch(), DatabaseWatch(accepts=lambda: True, refusal=lambda: "")
    assert (watch.answers(), refused.answers()) == (True, True)
    for one in (watch, refused):
        one.suspect()
    assert (watch.answers(), refused.answers()) == (True, False)


def test_what_is_not_there_is_said_within_the_navigation(viewer: Visitor) -> None:
    page = viewer.page("/no/such/page/", 404)
    assert Errors.NOT_FOUND in page.headings
    assert "/activity/" in page.menu.values()


@pytest.mark.urls("tests.web.failing_urls")
def test_a_crash_tells_its_reason_and_no_more(viewer: Visitor) -> None:
    viewer.raise_request_exception = False
    page = viewer.page("/fails/", 500)
    assert "RuntimeError: the reason" in page
    assert "failing_urls" not in page.html


@pytest.mark.django_db
@pytest.mark.urls("tests.web.failing_urls")
def test_a_crash_tells_strangers_nothing() -> None:
    page = Visitor(raise_request_exception=False).page("/fails/for-everybody/", 500)
    assert Errors.FAILED in page.headings
    assert "RuntimeError" not in page.html
    assert "the reason" not in page.html


def test_a_value_that_no_database_keeps_is_the_requests_fault(admin: Visitor, viewer: Visitor) -> None:
    admin.raise_request_exception = viewer.raise_request_exception = False
    assert admin.get("/people/by-name/%00/").status_code == 422
    # A list says it at its field.
    assert list(viewer.page("/activity/?actor=%00").errors) == ["actor"]
    for path in ("/api/v1/audit?actor=%00", "/api/v1/search?q=%00", "/search/?q=a%00b"):
        answer = viewer.get(path)
        assert answer.status_code == 422
        said = answer.json()["error"]["message"] if path.startswith("/api/") else Page.of(answer).text
        assert f"{path.partition('?')[2].partition('=')[0]}: contains a NUL character" in said
