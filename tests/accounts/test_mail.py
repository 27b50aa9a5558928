"""Mail is optional: links are mailed where a server is configured, and a forgotten password tells nobody who exists."""

import importlib.util
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.invitations import person_invite, reset_link_send
from controlplane.accounts.models import AccountLink, AuditEntry, Kind, User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import command_line
from controlplane.accounts.throttle import ATTEMPTS_BY_ADDRESS, ATTEMPTS_BY_NAME_AND_ADDRESS
from controlplane.settings import _mail
from tests.accounts.clients import GOOD, RIGHT, send
from tests.labels import SignIn
from tests.pages import Page, Visitor
from tests.people import person
from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db
SYSTEM = command_line("tests")
FORGOT = "/forgot-password/"


@pytest.fixture
def configured(settings: Settings) -> None:
    """Mail is configured; the tests' backend keeps it in memory."""
    settings.EMAIL_URL = "smtp://127.0.0.1:1"


def reader() -> User:
    """A viewer who can be mailed and has signed in before."""
    viewer = person(Role.VIEWER)
    User.objects.filter(pk=viewer.pk).update(email="vera@example.org", last_login=timezone.now())
    return viewer


def test_without_a_server_nothing_of_it_is_there(admin: Visitor) -> None:
    assert Client().get(FORGOT).status_code == 404
    assert FORGOT not in Visitor().page("/sign-in/").links.values()
    assert "email" not in admin.page("/people/add/").controls
    made = send(admin, "/invitations", {"username": "grace", "email": "grace@example.org"}).json()
    assert (made["mailed_to"], made["mail_problem"], mail.outbox) == ("", "", [])
    reset_link_send(reader().pk)
    assert (mail.outbox, AccountLink.objects.filter(kind="reset").exists()) == ([], False)


@pytest.mark.usefixtures("configured")
def test_an_invitation_is_mailed_and_shown(admin: Visitor) -> None:
    form = {"username": "grace", "role": "viewer", "email": "grace@example.org"}
    page = Page.of(admin.post("/people/add/", form))
    (url,) = page.copied
    assert "grace@example.org" in page
    assert page.alerts == []
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["grace@example.org"], "Your invitation to the lakehouse control plane")
    lines = message.body.split("\n\n")
    assert lines[:3] == ["Username: grace", "admin has invited you. Open this link to choose a password:", url]
    assert Client().post("/account-link/", {"code": url, "password": GOOD}).status_code == 302
    assert AuditEntry.objects.get(action="person.invite").detail["mailed"] is True


@pytest.mark.usefixtures("configured")
def test_a_server_that_is_away_is_said_and_the_link_is_there_all_the_same(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    made = person_invite(actor=SYSTEM, username="grace", role=Role.VIEWER, email="grace@example.org")
    assert (made.mailed_to, made.mail_problem) == ("", f"ConnectionRefusedError from 127.0.0.1:{settings.EMAIL_PORT}")
    assert Client().post("/account-link/", {"code": made.url, "password": GOOD}).status_code == 302
    assert AuditEntry.objects.get(action="person.invite").detail["mailed"] is False


def test_mail_reaches_a_real_server(settings: Settings, tmp_path: Path) -> None:
    if importlib.util.find_spec("smtpd") is None:
        pytest.skip("This Python has no SMTP server of its own.")
    port = free_port()
    for name, value in _mail(f"smtp://127.0.0.1:{port}").items():
        setattr(settings, name, value)
    settings.EMAIL_URL, settings.EMAIL_BACKEND = "set", "django.core.mail.backends.smtp.EmailBackend"
    command = ("-u", "-W", "ignore", "-m", "smtpd", "-n", "-c", "DebuggingServer", f"127.0.0.1:{port}")
    with (tmp_path / "mails").open("w") as mails:
        server = subprocess.Popen([sys.executable, *command], stdout=mails, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: listening(port), "the mail server", within=30)
            made = person_invite(actor=SYSTEM, username="grace", role=Role.VIEWER, email="grace@example.org")
            assert made.mailed_to == "grace@example.org"
            wait_for(lambda: "END MESSAGE" in (tmp_path / "mails").read_text(), "the message", within=10)
        finally:
            server.terminate()
            server.wait(10)
    received = (tmp_path / "mails").read_text()
    assert "To: grace@example.org" in received
    assert made.url in received


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def people_of_all_kinds() -> dict[str, str]:
    """Names that somebody has, or nobody, by what would come of asking for a link."""
    reader()
    User.objects.create_user(username="without", password=RIGHT, last_login=timezone.now())
    User.objects.create_user(username="deactivated", email="d@example.org", is_active=False, last_login=timezone.now())
    User.objects.create_user(username="robot", kind=Kind.SERVICE, email="r@example.org")
    person_invite(actor=SYSTEM, username="invited", role=Role.VIEWER, email="i@example.org")
    mail.outbox.clear()
    kinds = ("without", "deactivated", "robot", "invited", "unknown")
    return {"mailed": "viewer", **{name: name for name in kinds}, "unreadable": "\x00" * 3}


@pytest.mark.usefixtures("configured")
def test_a_forgotten_password_does_the_same_work_for_every_name(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    asked: list[int] = []

    class Task:
        """What the broker would get."""

        name = "send_reset_link"

        def s(self, person_id: int) -> Any:
            asked.append(person_id)
            return self

        def apply_async(self, **_: Any) -> None:
            asked.append(-1)

    monkeypatch.setattr("controlplane.accounts.tasks.send_reset_link", Task())
    names = people_of_all_kinds()
    pages, queries = {}, {}
    for number, (kind, name) in enumerate(names.items()):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        with CaptureQueriesContext(connection) as captured, django_capture_on_commit_callbacks(execute=True):
            answer = client.post(FORGOT, {"username": name})
        pages[kind] = (answer.status_code, answer.content.decode())
        queries[kind] = [re.sub(r'"s\d+_x\d+"|\d+', "", query["sql"])[:40] for query in captured]
    known, unreadable = queries["mailed"], queries.pop("unreadable")
    assert len(known) > 5
    assert list(queries.values()) == [known] * len(queries)
    # A name that can't be one is not looked up.
    assert len(unreadable) < len(known)
    assert set(pages.values()) == {pages["mailed"]}
    # It says what comes, and asks no more.
    assert Page(pages["mailed"][1]).controls == []
    # One message to the broker for each, whoever it is.
    found = dict(User.objects.values_list("username", "pk"))
    ids = [found.get(name, 0) for name in names.values()]
    assert asked == [part for pk in ids for part in (pk, -1)]
    assert mail.outbox == []


@pytest.mark.usefixtures("configured")
def test_only_who_can_be_mailed_is() -> None:
    for name in people_of_all_kinds().values():
        found = User.objects.filter(username=name.replace("\x00", "?")).first()
        reset_link_send(found.pk if found else 0)
    (message,) = mail.outbox
    assert message.to == ["vera@example.org"]
    (link,) = AccountLink.objects.filter(kind="reset")
    assert (link.person.username, link.state) == ("viewer", "open")
    (url,) = re.findall(r"http\S+", str(message.body))
    client = Client()
    assert client.post("/account-link/", {"code": url, "password": GOOD}).status_code == 302
    assert client.get("/api/v1/me").json()["username"] == "viewer"


@pytest.mark.usefixtures("configured")
def test_asking_is_throttled_by_name_and_by_address_with_the_counters_of_signing_in() -> None:
    reader()
    client = Client()
    answers = [client.post(FORGOT, {"username": name}) for name in ["viewer"] * (ATTEMPTS_BY_NAME_AND_ADDRESS + 1)]
    assert [one.status_code for one in answers] == [200] * ATTEMPTS_BY_NAME_AND_ADDRESS + [429]
    assert SignIn.NOT_ACCEPTED in Page.of(answers[-1]).part("error")
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert client.post("/sign-in/", {"username": "viewer", "password": RIGHT}).status_code == 429
    left = ATTEMPTS_BY_ADDRESS - ATTEMPTS_BY_NAME_AND_ADDRESS
    others = [client.post(FORGOT, {"username": f"name-{number}"}).status_code for number in range(left + 2)]
    assert others == [200] * left + [429] * 2
    assert AuditEntry.objects.filter(action="person.forgot-password", actor_name="nobody").count() == left + 1


@pytest.mark.usefixtures("configured")
def test_what_was_typed_where_the_name_belongs_is_kept_nowhere() -> None:
    Client().post(FORGOT, {"username": "my-secret-password"})
    assert "my-secret" not in str(list(AuditEntry.objects.values()))


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("by", ["page", "api"])
def test_another_email_address_revokes_the_link_that_went_to_the_one_before(by: str, admin: Visitor) -> None:
    viewer = reader()
    reset_link_send(viewer.pk)
    if by == "page":
        assert admin.post("/people/by-name/viewer/email/", {"email": "new@example.org"}).status_code == 302
        assert admin.post("/people/by-name/viewer/email/", {"email": "nowhere"}).status_code == 422
    else:
        assert send(admin, "/people/viewer", {"email": "new@example.org"}, "patch").json()["email"] == "new@example.org"
        refused = send(admin, "/people/viewer", {"email": "nowhere"}, "patch").json()["error"]
        assert refused["message"] == "email: nowhere is not an email address."
    viewer.refresh_from_db()
    assert (viewer.email, AccountLink.objects.get().state) == ("new@example.org", "revoked")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtp://localhost", ("localhost", 25, "", "", False, False)),
        ("smtp+tls://mail%40us:p%3Aw@mail.example:2525", ("mail.example", 2525, "mail@us", "p:w", True, False)),
        ("smtps://u:p@mail.example", ("mail.example", 465, "u", "p", False, True)),
    ],
)
def test_the_address_of_a_mail_server(url: str, found: tuple[object, ...]) -> None:
    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert tuple(_mail(url)[f"EMAIL_{name}"] for name in names) == found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mail.example:25", "EMAIL_URL must be smtp"),
        ("http://mail.example", "EMAIL_URL must be smtp"),
        (
            "smtp://u:p@mail.example",
            r"^EMAIL_URL would send a credential to mail.example without encryption. Begin it with smtp\+tls:// "
            r"\(STARTTLS\) or smtps://. If mail.example is reached over a private network only, add it to "
            "PLAINTEXT_HOSTS.$",
        ),
        ("smtp://mail.example", "EMAIL_URL would send a credential to mail.example without encryption"),
    ],
)
def test_an_address_that_can_not_be_is_refused_without_the_password(url: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        _mail(url)
    assert "u:p@" not in str(refused.value)


def test_mail_may_go_without_tls_to_a_host_of_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAINTEXT_HOSTS", "relay")
    assert _mail("smtp://relay")["EMAIL_HOST"] == "relay"
