"""Invitations and reset links: each works once, for whom it was made, and nobody else learns of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.account_links import KEPT
from controlplane.accounts.invitations import (
    MadeLink,
    invitation_renew,
    link_revoke,
    link_use,
    person_invite,
    reset_link_create,
)
from controlplane.accounts.models import AccountLink, AttemptCounter, AuditEntry, Kind, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.services import command_line, person_change, token_create
from controlplane.accounts.tasks import purge_expired
from controlplane.accounts.throttle import LINKS_BY_ADDRESS
from controlplane.errors import ActionError
from tests.accounts.signed_in import GOOD, RIGHT, bearer, in_session, send, session_of
from tests.accounts.test_throttle import at_once
from tests.people import person

pytestmark = pytest.mark.django_db


def code_of(url: str) -> str:
    return url.partition("#")[2]


def invited(name: str = "grace", role: Role = Role.OPERATOR) -> MadeLink:
    return person_invite(actor=command_line("tests"), username=name, role=role)


def accept(client: Client, url: str, password: str | None = GOOD) -> Any:
    body = {"code": code_of(url)} if password is None else {"code": code_of(url), "password": password}
    return client.post("/account-link/", body)


@pytest.mark.parametrize("by", ["page", "api"])
def test_a_person_is_invited_and_signs_in_with_a_password_of_their_own(by: str, settings: Settings) -> None:
    admin, grace = in_session(Role.ADMIN), Client(REMOTE_ADDR="198.51.100.7")
    if by == "page":
        page = admin.post("/people/add/", {"username": "grace", "role": "operator"}).content.decode()
        (url,) = set(re.findall(r'data-copy="([^"]+)"', page))
        assert url not in admin.get("/people/by-name/grace/").content.decode()
    else:
        made = send(admin, "/invitations", {"username": "grace", "role": "operator"})
        assert made.status_code == 201
        url = made.json()["url"]
    link = AccountLink.objects.get()
    assert url.startswith(f"{settings.PUBLIC_URL}/account-link/#")
    assert link.expires_at - link.created_at == timedelta(days=settings.INVITATION_DAYS)
    assert (link.kind, link.state, link.created_by_name) == ("invitation", "open", "admin")
    # Looking at it, as scanners of links do, changes nothing.
    assert [getattr(grace, method)("/account-link/").status_code for method in ("head", "get")] == [200, 200]
    page = accept(grace, url, password=None)
    assert (page.status_code, "Welcome, grace" in page.content.decode()) == (200, True)
    link.refresh_from_db()
    assert (link.state, UserSession.objects.filter(user=link.person).count()) == ("open", 0)
    assert accept(grace, url).headers["Location"] == "/"
    assert grace.get("/api/v1/me").json()["role"] == "operator"
    assert UserSession.objects.get(user=link.person).address == "198.51.100.7"
    assert Client().post("/sign-in/", {"username": "grace", "password": GOOD}).status_code == 302
    entry = AuditEntry.objects.get(action="person.use-link")
    assert (entry.actor_name, entry.outcome, entry.address) == ("grace", "succeeded", "198.51.100.7")
    assert entry.detail == {"kind": "invitation", "tokens_revoked": 0, "sessions_ended": 0}


def test_the_code_is_stored_and_audited_nowhere() -> None:
    made = invited()
    accept(Client(), made.url)
    code = code_of(made.url)
    assert len(code) == 43
    assert code not in str(list(AccountLink.objects.values()))
    assert code not in str(list(AuditEntry.objects.values()))


def test_the_whole_link_may_be_pasted() -> None:
    assert Client().post("/account-link/", {"code": f" {invited().url} ", "password": GOOD}).status_code == 302


def test_a_weak_password_is_refused_with_its_reason_and_the_link_stays_open() -> None:
    made = invited()
    page = accept(Client(), made.url, "short")
    assert (page.status_code, "This password is too short" in page.content.decode()) == (422, True)
    assert "password: " not in page.content.decode()
    assert accept(Client(), made.url, "").status_code == 422
    assert AccountLink.objects.get().state == "open"
    assert accept(Client(), made.url).status_code == 302


def refused_links() -> dict[str, Any]:
    """How a link stops working: what does it, by its name."""

    def expire(made: MadeLink) -> None:
        AccountLink.objects.update(expires_at=timezone.now())

    def use(made: MadeLink) -> None:
        link_use(code=code_of(made.url), password=RIGHT + " another")

    def deactivate(made: MadeLink) -> None:
        person_change(actor=command_line("tests"), person=made.link.person, role=Role.OPERATOR, active=False)

    return {
        "expired": expire,
        "used": use,
        "revoked": lambda made: link_revoke(actor=command_line("tests"), link=made.link),
        "another one": lambda made: invitation_renew(actor=command_line("tests"), person=made.link.person),
        "role changed": lambda made: person_change(
            actor=command_line("tests"), person=made.link.person, role=Role.VIEWER, active=True
        ),
        "deactivated": deactivate,
        # By single sign-on, for instance.
        "signed in otherwise": lambda made: User.objects.update(last_login=timezone.now()),
        "never existed": lambda made: AccountLink.objects.all().delete(),
    }


@pytest.mark.parametrize("how", refused_links())
def test_a_link_that_is_over_says_the_same_whatever_ended_it(how: str) -> None:
    made = invited()
    refused_links()[how](made)
    before = list(User.objects.values_list("password", "is_active"))
    client = Client()
    for password in (None, GOOD):
        answer = accept(client, made.url, password)
        page = answer.content.decode()
        assert (answer.status_code, "This link is not valid." in page, "grace" in page) == (410, True, False)
    assert "used, has expired or was revoked. Ask an admin" in page
    assert list(User.objects.values_list("password", "is_active")) == before
    assert client.get("/settings/").status_code == 302
    entry = AuditEntry.objects.latest("at")
    assert (entry.actor_name, entry.outcome) == ("nobody", "refused")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", AccountLink.Kind.values)
def test_of_many_who_use_a_link_at_once_exactly_one_succeeds(kind: str) -> None:
    made = invited()
    if kind == AccountLink.Kind.RESET:
        accept(Client(), made.url)
        made = reset_link_create(actor=command_line("tests"), person=made.link.person)
    passwords = [f"{GOOD} {number}" for number in range(12)]
    answers = at_once([lambda word=word: accept(Client(), made.url, word).status_code for word in passwords])
    assert sorted(answers) == [302] + [410] * 11
    winner = passwords[answers.index(302)]
    grace = User.objects.get()
    assert [word for word in passwords if grace.check_password(word)] == [winner]
    # Later sign-ins end no session of the winner's.
    assert UserSession.objects.filter(user=grace).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_link_and_a_deactivation_at_once_leave_nobody_signed_in() -> None:
    for number in range(4):
        made = invited(f"person-{number}x")

        def deactivate(made: MadeLink = made) -> int:
            fresh = User.objects.get(pk=made.link.person_id)
            person_change(actor=command_line("tests"), person=fresh, role=Role.OPERATOR, active=False)
            return 0

        client = Client()
        at_once([deactivate, lambda made=made, client=client: accept(client, made.url).status_code])
        assert client.get("/settings/").status_code == 302
        assert not User.objects.get(pk=made.link.person_id).is_active
        assert not AccountLink.objects.filter(person=made.link.person, used_at=None, revoked_at=None).exists()
    connections.close_all()


@pytest.mark.parametrize("by", ["page", "api", "command"])
def test_a_reset_link_ends_everything_when_it_is_used_and_nothing_before(
    by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    viewer, admin = person(Role.VIEWER), in_session(Role.ADMIN)
    client, text = session_of(viewer), token_create(actor=viewer, name="export")[1]
    if by == "page":
        page = admin.post("/people/by-name/viewer/link/").content.decode()
        (url,) = set(re.findall(r'data-copy="([^"]+)"', page))
    elif by == "api":
        url = send(admin, "/people/viewer/reset-link").json()["url"]
    else:
        call_command("reset_link", "viewer")
        url = capsys.readouterr().out.strip().splitlines()[-1]
    link = AccountLink.objects.get()
    assert (link.kind, link.expires_at - link.created_at) == ("reset", timedelta(hours=24))
    assert (client.get("/settings/").status_code, bearer(text).get("/api/v1/me").status_code) == (200, 200)
    assert Client().post("/sign-in/", {"username": "viewer", "password": RIGHT}).status_code == 302
    assert "Choose a new password" in accept(Client(), url, password=None).content.decode()
    there = Client()
    assert accept(there, url).status_code == 302
    assert (client.get("/settings/").status_code, bearer(text).get("/api/v1/me").status_code) == (302, 401)
    assert there.get("/settings/").status_code == 200
    assert Client().post("/sign-in/", {"username": "viewer", "password": RIGHT}).status_code == 401
    used = AuditEntry.objects.get(action="person.use-link")
    assert used.detail.items() >= {"tokens_revoked": 1, "sessions_ended": 2}.items()


def test_the_next_reset_link_revokes_the_one_before_and_so_does_a_change_of_password() -> None:
    viewer = person(Role.VIEWER)
    first, second = (reset_link_create(actor=command_line("tests"), person=viewer) for _ in range(2))
    assert accept(Client(), first.url).status_code == 410
    client = session_of(viewer)
    client.post("/settings/password/", {"current": RIGHT, "password": GOOD})
    assert accept(Client(), second.url).status_code == 410
    assert User.objects.get().check_password(GOOD)


def test_who_gets_no_reset_link() -> None:
    admin, viewer = person(Role.ADMIN), person(Role.VIEWER)
    robot = User.objects.create_user(username="robot", kind=Kind.SERVICE, service_owner=admin)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    ines = invited("ines").link.person
    for someone, said in (
        (admin, "A reset link is for somebody else. Change your own password in Settings."),
        (robot, "robot is a service account and has no password. Create a token for it."),
        (viewer, "viewer is deactivated. Activate the account first."),
        (ines, "ines has not accepted an invitation yet. Create a new invitation instead."),
    ):
        with pytest.raises(ActionError) as refused:
            reset_link_create(actor=admin, person=someone)
        assert str(refused.value) == said
    with pytest.raises(ActionError, match="viewer is deactivated"):
        invitation_renew(actor=admin, person=viewer)
    assert AccountLink.objects.count() == 1


def test_links_are_listed_with_their_state_and_who_made_them() -> None:
    admin = in_session(Role.ADMIN)
    send(admin, "/invitations", {"username": "grace"})
    send(admin, "/people/grace/invitation")
    (open_one, revoked) = admin.get("/api/v1/account-links").json()["items"]
    assert [(one["person"], one["kind"], one["state"], one["created_by"]) for one in (open_one, revoked)] == [
        ("grace", "invitation", "open", "admin"),
        ("grace", "invitation", "revoked", "admin"),
    ]
    for state in ("open", "revoked", "used", "expired"):
        listed = admin.get(f"/api/v1/account-links?state={state}&username=grace&kind=invitation").json()["items"]
        assert [one["state"] for one in listed] == ([state] if state in ("open", "revoked") else [])
    page = admin.get("/people/by-name/grace/").content.decode()
    assert re.findall(r"links/([\w-]+)/revoke", page) == [open_one["id"]]
    assert admin.delete(f"/api/v1/account-links/{open_one['id']}").status_code == 204
    assert {link.state for link in AccountLink.objects.all()} == {"revoked"}
    AccountLink.objects.update(revoked_at=None, used_at=timezone.now())
    assert {one["state"] for one in admin.get("/api/v1/account-links").json()["items"]} == {"used"}
    AccountLink.objects.filter(pk=open_one["id"]).update(used_at=None, expires_at=timezone.now())
    assert [one["id"] for one in admin.get("/api/v1/account-links?state=expired").json()["items"]] == [open_one["id"]]


def test_users_are_filtered_by_state_and_ordered() -> None:
    admin = in_session(Role.ADMIN)
    User.objects.create_user(username="paul", password=RIGHT, is_active=False)
    User.objects.create_user(username="robot", kind=Kind.SERVICE, service_owner=User.objects.get(username="admin"))
    User.objects.create_user(username="vera", password=RIGHT)
    invited("ines")
    found = {
        state: [one["username"] for one in admin.get(f"/api/v1/people?state={state}").json()["items"]]
        for state in ("", "active", "invited", "deactivated", "service")
    }
    assert found == {
        "": ["admin", "ines", "paul", "robot", "vera"],
        "active": ["admin", "vera"],
        "invited": ["ines"],
        "deactivated": ["paul"],
        "service": ["robot"],
    }
    for state, names in found.items():
        page = admin.get(f"/people/?state={state}").content.decode()
        assert re.findall(r'by-name/(\w+)/"', page) == names
    newest = admin.get("/api/v1/people?sort=newest").json()["items"]
    assert [one["username"] for one in newest] == ["ines", "vera", "robot", "paul", "admin"]
    User.objects.filter(username="vera").update(last_login=timezone.now())
    seen: list[str] = []
    address = "/api/v1/people?sort=last_sign_in&limit=2"
    cursor: str | None = ""
    while cursor is not None:
        answer = admin.get(f"{address}&cursor={cursor}").json()
        seen, cursor = seen + [one["username"] for one in answer["items"]], answer["next"]
    assert seen == ["vera", "admin", "ines", "paul", "robot"]


def test_links_are_throttled_by_address_and_a_good_one_counts_nowhere() -> None:
    made, client = invited(), Client(REMOTE_ADDR="198.51.100.9")
    for _ in range(LINKS_BY_ADDRESS + 5):
        assert accept(client, made.url, password=None).status_code == 200
    assert AttemptCounter.objects.get().attempts == 0
    wrong = [client.post("/account-link/", {"code": "x", "password": GOOD}) for _ in range(LINKS_BY_ADDRESS + 2)]
    assert [one.status_code for one in wrong] == [410] * LINKS_BY_ADDRESS + [429] * 2
    assert int(wrong[-1].headers["Retry-After"]) > 0
    assert "The link was not checked: there were too many attempts." in wrong[-1].content.decode()
    # And one about those that were not looked at.
    assert AuditEntry.objects.filter(outcome="refused").count() == LINKS_BY_ADDRESS + 1
    assert AuditEntry.objects.latest("sequence").detail == {"reason": "too many attempts", "refused_attempts": 1}
    # Now a good one isn't looked at either, and other addresses are not concerned.
    assert accept(client, made.url).status_code == 429
    assert accept(Client(), made.url).status_code == 302


def test_who_is_signed_in_as_somebody_else_becomes_the_person_of_the_link() -> None:
    client = in_session(Role.VIEWER)
    made = invited()
    assert "You are signed in as viewer" in accept(client, made.url, password=None).content.decode()
    accept(client, made.url)
    assert client.get("/api/v1/me").json()["username"] == "grace"


def test_a_form_from_elsewhere_is_refused() -> None:
    made = invited()
    assert accept(Client(enforce_csrf_checks=True), made.url).status_code == 403
    assert AccountLink.objects.get().state == "open"


def test_old_links_are_purged() -> None:
    invited()
    for age, left in ((KEPT - timedelta(minutes=1), 1), (KEPT + timedelta(minutes=1), 0)):
        AccountLink.objects.update(expires_at=timezone.now() - age)
        purge_expired()
        assert AccountLink.objects.count() == left


def test_who_has_been_invited_has_no_password_until_then() -> None:
    invited()
    for password in ("", "!", GOOD):
        assert Client().post("/sign-in/", {"username": "grace", "password": password}).status_code == 401
    me = in_session(Role.ADMIN).get("/api/v1/people?state=invited").json()["items"]
    assert [(one["username"], one["state"], one["active"]) for one in me] == [("grace", "invited", True)]
