"""Invitations and reset links: each works once, for whom it was made, and nobody else learns of it."""

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
from tests.accounts.clients import GOOD, RIGHT, bearer, send
from tests.accounts.together import at_once
from tests.labels import People, SignIn
from tests.pages import Page, Visitor
from tests.people import visitor

pytestmark = pytest.mark.django_db


def code_of(url: str) -> str:
    return url.partition("#")[2]


def invited(name: str = "grace", role: Role = Role.OPERATOR) -> MadeLink:
    return person_invite(actor=command_line("tests"), username=name, role=role)


def accept(client: Client, url: str, password: str | None = GOOD) -> Any:
    body = {"code": code_of(url)} if password is None else {"code": code_of(url), "password": password}
    return client.post("/account-link/", body)


@pytest.mark.parametrize("by", ["page", "api"])
def test_a_person_is_invited_and_signs_in_with_a_password_of_their_own(
    by: str, settings: Settings, admin: Visitor
) -> None:
    grace = Client(REMOTE_ADDR="198.51.100.7")
    if by == "page":
        (url,) = Page.of(admin.post("/people/add/", {"username": "grace", "role": "operator"})).copied
        assert url not in admin.page("/people/by-name/grace/").html
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
    answer = accept(grace, url, password=None)
    assert (answer.status_code, "grace" in Page.of(answer).heading) == (200, True)
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
    answer = accept(Client(), made.url, "short")
    assert (answer.status_code, Page.of(answer).errors["password"].startswith(SignIn.SHORT)) == (422, True)
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
    client, said = Client(), set()
    for password in (None, GOOD):
        answer = accept(client, made.url, password)
        page = Page.of(answer)
        assert (answer.status_code, page.heading, "grace" in page.html) == (410, SignIn.LINK_NOT_VALID, False)
        said.add(page.part("error").text)
    assert len(said) == 1
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
    by: str, capsys: pytest.CaptureFixture[str], admin: Visitor, viewer_user: User
) -> None:
    client, text = visitor(viewer_user), token_create(actor=viewer_user, name="export")[1]
    if by == "page":
        (url,) = Page.of(admin.post("/people/by-name/viewer/link/")).copied
    elif by == "api":
        url = send(admin, "/people/viewer/reset-link").json()["url"]
    else:
        call_command("reset_link", "viewer")
        url = capsys.readouterr().out.strip().splitlines()[-1]
    link = AccountLink.objects.get()
    assert (link.kind, link.expires_at - link.created_at) == ("reset", timedelta(hours=24))
    assert (client.get("/settings/").status_code, bearer(text).get("/api/v1/me").status_code) == (200, 200)
    assert Client().post("/sign-in/", {"username": "viewer", "password": RIGHT}).status_code == 302
    assert Page.of(accept(Client(), url, password=None)).heading == SignIn.NEW_PASSWORD
    there = Client()
    assert accept(there, url).status_code == 302
    assert (client.get("/settings/").status_code, bearer(text).get("/api/v1/me").status_code) == (302, 401)
    assert there.get("/settings/").status_code == 200
    assert Client().post("/sign-in/", {"username": "viewer", "password": RIGHT}).status_code == 401
    used = AuditEntry.objects.get(action="person.use-link")
    assert used.detail.items() >= {"tokens_revoked": 1, "sessions_ended": 2}.items()


def test_the_next_reset_link_revokes_the_one_before_and_so_does_a_change_of_password(viewer_user: User) -> None:
    first, second = (reset_link_create(actor=command_line("tests"), person=viewer_user) for _ in range(2))
    assert accept(Client(), first.url).status_code == 410
    client = visitor(viewer_user)
    client.post("/settings/password/", {"current": RIGHT, "password": GOOD})
    assert accept(Client(), second.url).status_code == 410
    assert User.objects.get().check_password(GOOD)


def test_who_gets_no_reset_link(admin_user: User, viewer_user: User) -> None:
    robot = User.objects.create_user(username="robot", kind=Kind.SERVICE, service_owner=admin_user)
    User.objects.filter(pk=viewer_user.pk).update(is_active=False)
    ines = invited("ines").link.person
    for someone, said in (
        (admin_user, "You can't create a reset link for yourself. Change your password in Settings."),
        (robot, "robot is a service account and has no password. Create a token instead."),
        (viewer_user, "viewer is deactivated. Activate the account first."),
        (ines, "ines has not accepted the invitation yet. Create a new invitation instead."),
    ):
        with pytest.raises(ActionError) as refused:
            reset_link_create(actor=admin_user, person=someone)
        assert str(refused.value) == said
    with pytest.raises(ActionError, match="viewer is deactivated"):
        invitation_renew(actor=admin_user, person=viewer_user)
    assert AccountLink.objects.count() == 1


def test_links_are_listed_with_their_state_and_who_made_them(admin: Visitor) -> None:
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
    revokes = admin.page("/people/by-name/grace/").actions_named(People.REVOKE)
    assert [action.url for action in revokes] == [f"/people/links/{open_one['id']}/revoke/"]
    assert admin.delete(f"/api/v1/account-links/{open_one['id']}").status_code == 204
    assert {link.state for link in AccountLink.objects.all()} == {"revoked"}
    AccountLink.objects.update(revoked_at=None, used_at=timezone.now())
    assert {one["state"] for one in admin.get("/api/v1/account-links").json()["items"]} == {"used"}
    AccountLink.objects.filter(pk=open_one["id"]).update(used_at=None, expires_at=timezone.now())
    assert [one["id"] for one in admin.get("/api/v1/account-links?state=expired").json()["items"]] == [open_one["id"]]


def test_users_are_filtered_by_state_and_ordered(admin: Visitor) -> None:
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
        rows = admin.page(f"/people/?state={state}").table().rows
        assert [next(iter(row.part.links)) for row in rows] == names
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
    assert SignIn.NOT_CHECKED in Page.of(wrong[-1]).part("error")
    # And one about those that were not looked at.
    assert AuditEntry.objects.filter(outcome="refused").count() == LINKS_BY_ADDRESS + 1
    assert AuditEntry.objects.latest("sequence").detail == {"reason": "too many attempts", "refused_attempts": 1}
    # Now a good one isn't looked at either, and other addresses are not concerned.
    assert accept(client, made.url).status_code == 429
    assert accept(Client(), made.url).status_code == 302


def test_who_is_signed_in_as_somebody_else_becomes_the_person_of_the_link(viewer: Visitor) -> None:
    made = invited()
    assert "viewer" in Page.of(accept(viewer, made.url, password=None))
    accept(viewer, made.url)
    assert viewer.get("/api/v1/me").json()["username"] == "grace"


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


def test_who_has_been_invited_has_no_password_until_then(admin: Visitor) -> None:
    invited()
    for password in ("", "!", GOOD):
        assert Client().post("/sign-in/", {"username": "grace", "password": password}).status_code == 401
    me = admin.get("/api/v1/people?state=invited").json()["items"]
    assert [(one["username"], one["state"], one["active"]) for one in me] == [("grace", "invited", True)]
