"""Errors say what happened and what to do, as a page and as JSON; without a database that is at once."""

import socket
import time

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.accounts.roles import Role
from controlplane.web import database
from tests.people import person
from tests.waiting import PATIENCE


@pytest.fixture
def _database_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {**settings.DATABASES["default"], "HOST": "127.0.0.1", "PORT": port}
    monkeypatch.setitem(settings.DATABASES, "default", given)
    monkeypatch.setattr(database, "_seen", (0.0, True))
    monkeypatch.setattr(database, "_suspect", False)


@pytest.mark.usefixtures("_database_down")
def test_without_a_database_every_page_says_so_at_once() -> None:
    client = Client()
    begun = time.monotonic()
    pages = [client.get(path) for path in ("/", "/people/", "/sign-in/")]
    assert time.monotonic() - begun < PATIENCE
    assert [page.status_code for page in pages] == [503] * 3
    assert "The database does not answer" in pages[0].content.decode()
    assert (pages[0].headers["Refresh"], pages[0].headers["Retry-After"]) == ("5", "5")
    assert "default-src 'self'" in pages[0].headers["Content-Security-Policy"]


@pytest.mark.usefixtures("_database_down")
def test_the_api_says_it_in_json() -> None:
    answer = Client().post("/api/v1/people", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_down")


@pytest.mark.django_db
def test_after_a_failure_it_counts_only_to_be_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    database.suspect()
    assert database.database_answers()
    monkeypatch.setattr(database, "_lets_in", lambda: False)
    database.suspect()
    assert not database.database_answers()
    database._seen = (0.0, True)


@pytest.mark.django_db
def test_what_is_not_there_is_said_within_the_navigation() -> None:
    client = Client()
    client.force_login(person(Role.VIEWER))
    answer = client.get("/no/such/page/")
    page = answer.content.decode()
    assert (answer.status_code, "There is nothing at this address" in page, 'href="/activity/"' in page) == (
        404,
        True,
        True,
    )


@pytest.mark.django_db
def test_a_crash_tells_its_reason_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("the reason")

    monkeypatch.setattr("controlplane.accounts.views.activity.actions_seen", crash)
    client = Client(raise_request_exception=False)
    client.force_login(person(Role.VIEWER))
    answer = client.get("/activity/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "RuntimeError: the reason" in page
    assert "activity.py" not in page


@pytest.mark.django_db
def test_a_crash_tells_strangers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("the reason")

    monkeypatch.setattr("controlplane.accounts.views.sign_in.is_at_home", crash)
    answer = Client(raise_request_exception=False).get("/sign-in/")
    page = answer.content.decode()
    assert (answer.status_code, "Something went wrong here" in page) == (500, True)
    assert "RuntimeError" not in page
    assert "the reason" not in page


@pytest.mark.django_db
def test_a_value_that_no_database_keeps_is_the_requests_fault() -> None:
    client = Client(raise_request_exception=False)
    client.force_login(person(Role.ADMIN))
    assert client.get("/people/by-name/%00/").status_code == 422
    client.force_login(person(Role.VIEWER))
    # A list says it at its field.
    page = client.get("/activity/?actor=%00")
    assert (page.status_code, "Null characters are not allowed." in page.content.decode()) == (200, True)
    for path in ("/api/v1/audit?actor=%00", "/api/v1/search?q=%00", "/search/?q=a%00b"):
        answer = client.get(path)
        assert answer.status_code == 422
        assert f"{path.partition('?')[2].partition('=')[0]}: has a NUL character" in answer.content.decode()
