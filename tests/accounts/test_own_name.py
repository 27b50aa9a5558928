"""Sessions hold under one name; others show a sign-in form that leads there, and strangers learn nothing."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.models import AuditEntry, User, UserSession
from controlplane.accounts.own_name import CODE_SECONDS
from controlplane.accounts.roles import Role
from tests.accounts.clients import RIGHT
from tests.accounts.handed_over import LOOPBACK, OWN, form_of, go_on
from tests.labels import SignIn
from tests.pages import Page
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _named(settings: Settings) -> None:
    settings.PUBLIC_URL = f"http://{OWN}"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", OWN.partition(":")[0]]
    person(Role.VIEWER)


@pytest.fixture
def elsewhere() -> Client:
    return Client(headers={"host": LOOPBACK})


@pytest.fixture
def home() -> Client:
    return Client(headers={"host": OWN})


def handed_over(elsewhere: Client, wanted: str = "/activity/") -> dict[str, str]:
    """The form by which a sign-in under another name goes on: what it sends to the own name."""
    answer = elsewhere.post("/sign-in/", {"username": "viewer", "password": RIGHT, "next": wanted})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    return form_of(answer)


def test_who_signs_in_under_another_name_goes_on_under_the_own_one(
    elsewhere: Client, home: Client, settings: Settings
) -> None:
    asked = elsewhere.get("/activity/")
    assert asked.headers["Location"] == "/sign-in/?next=/activity/"
    assert SignIn.OWN_NAME in Page.of(elsewhere.get("/sign-in/"))
    form = handed_over(elsewhere)
    assert (
        settings.SESSION_COOKIE_NAME not in elsewhere.cookies
        or not elsewhere.cookies[settings.SESSION_COOKIE_NAME].value
    )
    answer = go_on(home, form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/activity/")
    assert home.cookies[settings.SESSION_COOKIE_NAME]["httponly"]
    assert home.get("/activity/").status_code == 200
    assert AuditEntry.objects.filter(action="person.sign-in", outcome="succeeded").count() == 1


def test_a_stranger_does_not_learn_the_name(elsewhere: Client) -> None:
    for path in ("/", "/sign-in/", "/people/", "/session/?code=x", "/api/v1/health", "/bi/", "/no/such/page/"):
        for answer in (elsewhere.get(path), elsewhere.post(path, {"username": "viewer", "password": "wrong"})):
            told = f"{answer.headers} {answer.content.decode()}"
            assert "lakehouse-q3x7k2ab" not in told, path


def test_a_session_holds_under_no_other_name(elsewhere: Client, home: Client, settings: Settings) -> None:
    go_on(home, handed_over(elsewhere))
    key = home.cookies[settings.SESSION_COOKIE_NAME].value
    for host in (LOOPBACK, "localhost:8000", f"{OWN.partition(':')[0]}:9999"):
        thief = Client(headers={"host": host})
        thief.cookies[settings.SESSION_COOKIE_NAME] = key
        assert thief.get("/activity/").headers["Location"].startswith("/sign-in/")
        assert thief.get("/api/v1/health").status_code == 401
    assert home.get("/api/v1/health").status_code == 200


def test_a_code_works_once(elsewhere: Client, home: Client) -> None:
    form = handed_over(elsewhere)
    assert go_on(home, form).headers["Location"] == "/activity/"
    again = Client(headers={"host": OWN})
    assert go_on(again, form).headers["Location"] == "/sign-in/?over=1"
    assert again.get("/activity/").status_code == 302
    (alert,) = Page.of(again.get("/sign-in/?over=1")).alerts
    assert SignIn.LEFT_OVER in alert


@pytest.mark.django_db(transaction=True)
def test_of_two_that_come_at_once_one_gets_the_session(elsewhere: Client) -> None:
    form = handed_over(elsewhere)

    def follow(_: int) -> str:
        try:
            return str(go_on(Client(headers={"host": OWN}), form).headers["Location"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        came_to = list(threads.map(follow, range(8)))
    assert sorted(came_to) == ["/activity/", *["/sign-in/?over=1"] * 7]


def test_a_code_is_kept_as_a_hash_and_for_a_minute(elsewhere: Client, home: Client) -> None:
    form = handed_over(elsewhere)
    code = form["code"]
    tickets = [row for row in UserSession.objects.all() if SESSION_KEY not in row.get_decoded()]
    (ticket,) = tickets
    assert ticket.session_key in sha256(code.encode()).hexdigest()
    assert code not in ticket.session_key + ticket.session_data
    assert 0 < (ticket.expire_date - timezone.now()).total_seconds() <= CODE_SECONDS
    # What is kept opens nothing as a session.
    assert person_behind(session_key=ticket.session_key) is None
    UserSession.objects.filter(pk=ticket.pk).update(expire_date=timezone.now())
    assert go_on(home, form).headers["Location"] == "/sign-in/?over=1"


def test_a_code_is_of_no_use_after_the_session_has_ended(elsewhere: Client, home: Client) -> None:
    form = handed_over(elsewhere)
    for row in UserSession.objects.all():
        if SESSION_KEY in row.get_decoded():
            row.delete()
    assert go_on(home, form).headers["Location"] == "/sign-in/?over=1"


def test_who_is_signed_in_stays_who_they_are(elsewhere: Client, home: Client) -> None:
    home.force_login(User.objects.create_user("olga", role=Role.ADMIN))
    assert go_on(home, handed_over(elsewhere)).headers["Location"] == "/activity/"
    assert home.get("/people/").status_code == 200


@pytest.mark.parametrize("wanted", ["http://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_leads_nowhere_else(elsewhere: Client, home: Client, wanted: str) -> None:
    assert go_on(home, handed_over(elsewhere, wanted)).headers["Location"] == "/"
    form = {**handed_over(elsewhere), "next": wanted}
    assert go_on(Client(headers={"host": OWN}), form).headers["Location"] == "/"


# A page of another site that sends a code of its own sign-in would have people work in the session of its author.
FOREIGN = {
    "no origin": None,
    "a sandbox": "null",
    "another site": "http://evil.example",
    "another site at our port": "http://evil.example:8000",
    "another port of this machine": "http://127.0.0.1:9999",
    "no port": "http://127.0.0.1",
    "another port of the own name": f"http://{OWN.partition(':')[0]}:8001",
    "another scheme": f"https://{LOOPBACK}",
    "a name that ends like ours": "http://evil127.0.0.1:8000",
    "a name below ours": f"http://evil.{OWN}",
    "a user": f"http://{LOOPBACK}@evil.example:8000",
    "two": f"http://{LOOPBACK} http://evil.example",
    "no port number": "http://127.0.0.1:x",
    "nothing": "",
}


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("hosts", [[], ["*"]], ids=["usual", "any host"])
def test_a_code_counts_from_a_page_of_ours_only(
    origin: str | None, hosts: list[str], elsewhere: Client, home: Client, settings: Settings
) -> None:
    form = handed_over(elsewhere)
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *hosts]
    answer = go_on(home, form, origin)
    assert answer.status_code == 403
    assert home.get("/activity/").status_code == 302
    row = AuditEntry.objects.latest("sequence")
    assert (row.action, row.target, row.outcome, row.actor_name) == ("form.send", "/session/", "refused", "nobody")
    # It is not used up by that, and a link never opens it.
    assert home.get("/session/", form).status_code == 405
    assert go_on(home, form, f"http://{OWN}").headers["Location"] == "/activity/"


def test_a_name_that_is_no_secret_is_redirected_to(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://lake.example"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "lake.example"]
    other = Client(headers={"host": LOOPBACK})
    for answer in (other.get("/runs/?page=2"), other.post("/runs/?page=2")):
        assert answer.headers["Location"] == "https://lake.example/runs/?page=2"
    assert other.get("/api/v1/health").status_code == 401
    assert other.get("/metrics").status_code == 401


@pytest.fixture
def https(settings: Settings) -> Client:
    """A browser that has signed in over https."""
    settings.PUBLIC_URL = "https://lake.example"
    settings.ALLOWED_HOSTS = ["lake.example"]
    client = Client(headers={"host": "lake.example"})
    client.force_login(User.objects.create_user("olga", role=Role.ADMIN))
    return client


def test_plain_http_carries_no_session_where_the_address_is_https(https: Client) -> None:
    assert https.get("/people/", secure=True).status_code == 200
    plain = https.get("/people/")
    assert (plain.status_code, plain.headers["Location"]) == (302, "/sign-in/?next=/people/")
    assert https.get("/api/v1/me").status_code == 401
    # Nothing was ended by that.
    assert UserSession.objects.count() == 1


def test_https_without_a_trusted_proxy_is_refused_at_the_start() -> None:
    known = {**os.environ, "PUBLIC_URL": "https://lake.example", "TRUSTED_PROXIES": "", "DJANGO_WITHOUT_SECRETS": "1"}
    for proxies, code in (("", 1), ("10.0.0.5", 0)):
        done = subprocess.run(
            [sys.executable, "-c", "import controlplane.settings"], env={**known, "TRUSTED_PROXIES": proxies},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert ("Set TRUSTED_PROXIES" in done.stderr) == (code == 1)


def test_where_only_loopback_is_known_sessions_hold_there(settings: Settings) -> None:
    settings.PUBLIC_URL = f"http://{LOOPBACK}"
    client = Client(headers={"host": "localhost:8000"})
    answer = client.post("/sign-in/", {"username": "viewer", "password": RIGHT, "next": "/activity/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/activity/")
    assert client.get("/activity/").status_code == 200
