"""Service accounts: tokens only, never more than their owner, and nothing without one. And what tokens warn of."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.service_accounts import service_account_change, service_account_create
from controlplane.accounts.services import (
    VALID_TOKENS_AT_MOST,
    command_line,
    person_change,
    token_create,
    token_revoke,
)
from controlplane.errors import ActionError, InvalidInputError
from tests.accounts.clients import GOOD, RIGHT, bearer, send
from tests.labels import OwnSettings, People
from tests.pages import Page, Visitor
from tests.people import person, visitor

pytestmark = pytest.mark.django_db
SYSTEM = command_line("tests")


def robot(owner: User, role: Role = Role.OPERATOR) -> User:
    return service_account_create(actor=SYSTEM, username="robot", role=role, owner=owner, description="nightly export")


def answer(text: str) -> int:
    return bearer(text).get("/api/v1/me").status_code


@pytest.mark.parametrize("by", ["page", "api"])
def test_an_admin_adds_a_service_account_and_gives_it_a_token(by: str, admin: Visitor) -> None:
    wanted = {"username": "robot", "role": "operator", "owner": "admin", "description": "nightly export"}
    token = {"name": "export", "scope": "operate", "days": "30"}
    if by == "page":
        made = admin.post("/people/service-accounts/add/", wanted)
        assert made.headers["Location"] == "/people/service-accounts/by-name/robot/"
        (text,) = Page.of(admin.post("/people/service-accounts/by-name/robot/tokens/", token)).copied
        assert text not in admin.page("/people/service-accounts/by-name/robot/").html
    else:
        made = send(admin, "/service-accounts", wanted)
        assert made.json() == {
            **wanted,
            "kind": "service",
            "state": "active",
            "active": True,
            "email": "",
            "orphaned": False,
            "last_sign_in": None,
            "time_zone": "UTC",
            "signs_in_with": [],
            "identity": None,
            "second_factor": False,
        }
        text = send(admin, "/people/robot/tokens", {**token, "days": 30}).json()["token"]
    assert bearer(text).get("/api/v1/me").json()["username"] == "robot"
    entry = AuditEntry.objects.get(action="token.create")
    assert (entry.actor_name, entry.detail) == ("admin", {"owner": "robot", "scope": "operate", "days": 30})
    assert send(bearer(text), "/stream/start").status_code != 403
    assert AuditEntry.objects.filter(actor_name="robot", action="stream.start").exists()


def test_it_signs_in_by_no_means_and_nobody_learns_why(operator_user: User) -> None:
    account = robot(operator_user)
    pages = []
    for name in ("robot", "operator", "nobody-here"):
        answered = Client().post("/sign-in/", {"username": name, "password": GOOD})
        pages.append((answered.status_code, Page.of(answered).part("error").text))
    assert pages[0] == pages[1] == pages[2]
    # Nor with a password that it should not have.
    account.set_password(GOOD)
    account.save()
    assert Client().post("/sign-in/", {"username": "robot", "password": GOOD}).status_code == 401
    assert authenticate(username="robot", password=GOOD) is None
    client = visitor(account)
    assert (client.get("/settings/").status_code, client.get("/api/v1/me").status_code) == (302, 401)
    assert person_behind(session_key=str(client.session.session_key)) is None


def test_its_owner_manages_its_tokens_and_others_do_not(operator_user: User) -> None:
    account = robot(operator_user, Role.VIEWER)
    client, other = visitor(operator_user), visitor(User.objects.create_user(username="otto", role=Role.OPERATOR))
    page = client.page("/settings/").card(OwnSettings.OWN_ACCOUNTS)
    assert list(page.links.values()) == ["/people/service-accounts/by-name/robot/"]
    assert "/people/service-accounts/by-name/robot/" not in other.page("/settings/").html
    assert [one["username"] for one in client.get("/api/v1/me/service-accounts").json()["items"]] == ["robot"]
    made = send(client, "/people/robot/tokens", {"name": "export"})
    assert made.status_code == 201
    page = client.page("/people/service-accounts/by-name/robot/")
    # Its tokens are the owner's to manage; the account itself isn't.
    assert page.offers(People.CREATE_TOKEN)
    assert not {"owner", "description", "role"} & set(page.controls)
    assert [one["name"] for one in client.get("/api/v1/people/robot/tokens").json()["items"]] == ["export"]
    number = made.json()["id"]
    refused = [
        other.get("/people/service-accounts/by-name/robot/"),
        other.post("/people/service-accounts/by-name/robot/tokens/", {"name": "x", "scope": "read", "days": "7"}),
        other.get("/api/v1/people/robot/tokens"),
        send(other, "/people/robot/tokens", {"name": "x"}),
        other.delete(f"/api/v1/people/robot/tokens/{number}"),
        other.post(f"/settings/tokens/{number}/revoke/"),
        client.post("/people/service-accounts/by-name/robot/", {"owner": "otto", "description": ""}),
        send(client, "/service-accounts/robot", {"description": "mine"}, "patch"),
        client.post("/people/by-name/robot/", {"role": "operator", "active": "on"}),
        # Not for people: they create their own.
        send(client, "/people/otto/tokens", {"name": "x"}),
    ]
    assert [one.status_code for one in refused] == [403] * 10
    account.refresh_from_db()
    assert (account.role, account.description, account.service_owner) == ("viewer", "nightly export", operator_user)
    assert ApiToken.objects.get().revoked_at is None
    assert client.delete(f"/api/v1/people/robot/tokens/{number}").status_code == 204
    assert answer(made.json()["token"]) == 401


def test_an_admin_creates_no_tokens_for_people(admin: Visitor, viewer_user: User) -> None:
    refused = send(admin, "/people/viewer/tokens", {"name": "x"})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        409,
        "viewer is a user and creates their own tokens.",
    )
    assert not ApiToken.objects.filter(owner=viewer_user).exists()


def test_it_may_never_do_more_than_its_owner(operator_user: User) -> None:
    with pytest.raises(InvalidInputError, match="role: admin exceeds the role operator of the owner operator"):
        robot(operator_user, Role.ADMIN)
    User.objects.filter(pk=operator_user.pk).update(role=Role.ADMIN)
    operator_user.refresh_from_db()
    account = robot(operator_user, Role.ADMIN)
    text = token_create(actor=operator_user, name="export", owner=account)[1]
    assert bearer(text).get("/api/v1/people").status_code == 200
    User.objects.filter(pk=operator_user.pk).update(role=Role.OPERATOR)
    assert bearer(text).get("/api/v1/people").status_code == 403
    operator_user.refresh_from_db()
    account = User.objects.select_related("service_owner").get(pk=account.pk)
    with pytest.raises(InvalidInputError, match="scope: admin exceeds the role operator"):
        token_create(actor=operator_user, name="more", owner=account, scope=Scope.ADMIN)
    User.objects.filter(pk=operator_user.pk).update(role=Role.VIEWER)
    behind = person_behind(token=text)
    assert behind is not None
    assert [behind.has_role(role) for role in Role] == [True, False, False]
    # A viewer may not own one, so not manage its tokens either.
    operator_user.refresh_from_db()
    with pytest.raises(PermissionDenied):
        token_create(actor=operator_user, name="more", owner=account)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"role": Role.VIEWER}, "owner: operator has the role viewer. Choose an active operator or admin."),
        ({"is_active": False}, "owner: operator is deactivated. Choose an active operator or admin."),
    ],
)
def test_who_can_not_own_one(change: dict[str, object], said: str, operator_user: User) -> None:
    User.objects.filter(pk=operator_user.pk).update(**change)
    operator_user.refresh_from_db()
    with pytest.raises(InvalidInputError) as refused:
        robot(operator_user)
    assert str(refused.value) == said
    answered = send(visitor(person(Role.ADMIN)), "/service-accounts", {"username": "robot", "owner": "nobody-here"})
    assert answered.json()["error"]["message"] == "owner: user nobody-here does not exist."
    assert not User.objects.filter(username="robot").exists()


def test_without_an_active_owner_its_tokens_stop_and_it_is_shown(
    admin: Visitor, admin_user: User, operator_user: User
) -> None:
    account = robot(operator_user)
    text = token_create(actor=operator_user, name="export", owner=account)[1]
    assert answer(text) == 200
    person_change(actor=admin_user, person=operator_user, role=Role.OPERATOR, active=False)
    assert (answer(text), person_behind(token=text)) == (401, None)
    assert admin.page("/people/?state=service").states == ["orphaned"]
    page = admin.page("/people/service-accounts/by-name/robot/")
    assert operator_user.username in page.card(People.ORPHANED)
    (listed,) = admin.get("/api/v1/people?state=service").json()["items"]
    assert (listed["orphaned"], listed["state"], listed["owner"]) == (True, "active", "operator")
    assert send(admin, "/people/robot/tokens", {"name": "more"}).json()["error"]["message"] == (
        "The service account robot has no active owner."
    )
    # The former owner may know the tokens: they end when the account changes hands, unless an admin says otherwise.
    assert send(admin, "/service-accounts/robot", {"owner": "admin"}, "patch").json()["orphaned"] is False
    assert answer(text) == 401
    assert ApiToken.objects.get().state == "revoked"
    entry = AuditEntry.objects.get(action="service-account.change")
    assert (entry.before, entry.after) == ({"owner": "operator"}, {"owner": "admin"})
    assert entry.detail == {"tokens_revoked": 1}


def test_tokens_stay_with_an_account_that_changes_hands_if_an_admin_says_so(
    admin_user: User, operator_user: User
) -> None:
    account = robot(operator_user)
    text = token_create(actor=operator_user, name="export", owner=account)[1]
    person_change(actor=admin_user, person=operator_user, role=Role.OPERATOR, active=False)
    form = {"owner": "admin", "description": "nightly"}
    assert visitor(admin_user).post("/people/service-accounts/by-name/robot/", form).status_code == 302
    assert answer(text) == 200
    account.refresh_from_db()
    # A new description is no reason to revoke anything.
    form |= {"description": "weekly", "revoke_tokens": "on"}
    visitor(admin_user).post("/people/service-accounts/by-name/robot/", form)
    assert (answer(text), User.objects.get(username="robot").description) == (200, "weekly")


def test_it_is_deactivated_with_its_tokens_and_is_no_last_admin(admin_user: User) -> None:
    account = robot(admin_user, Role.ADMIN)
    text = token_create(actor=admin_user, name="export", owner=account)[1]
    with pytest.raises(ActionError, match="only admin"):
        person_change(actor=admin_user, person=admin_user, role=Role.VIEWER, active=True)
    person_change(actor=admin_user, person=account, role=Role.ADMIN, active=False)
    person_change(actor=admin_user, person=account, role=Role.ADMIN, active=True)
    assert (answer(text), ApiToken.objects.get().state) == (401, "revoked")


def test_a_person_is_no_service_account(admin_user: User, viewer_user: User) -> None:
    with pytest.raises(ActionError, match="viewer is not a service account"):
        service_account_change(actor=admin_user, account=viewer_user, owner=admin_user, description="")
    assert visitor(admin_user).get("/people/service-accounts/by-name/viewer/").status_code == 404


def test_the_command_creates_one_with_a_token_and_run_again_changes_only_what_differs(
    tmp_path: Path, admin_user: User
) -> None:
    path = tmp_path / "token"
    said = ("service_account", "robot", "--owner", "admin", "--description", "nightly", "--token-file", str(path))
    call_command(*said)
    text = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bearer(text).get("/api/v1/me").json().items() >= {"username": "robot", "role": "operator"}.items()
    audited = AuditEntry.objects.count()
    call_command(*said)
    assert (path.read_text().strip(), AuditEntry.objects.count(), ApiToken.objects.count()) == (text, audited, 1)
    assert {entry.actor_name for entry in AuditEntry.objects.all()} == {"manage.py"}
    # What a person has changed or ended since is brought back; the token is another one then.
    token_revoke(actor=SYSTEM, token=ApiToken.objects.get())
    person_change(actor=SYSTEM, person=User.objects.get(username="robot"), role=Role.VIEWER, active=False)
    call_command(*said, "--role", "admin", "--scope", "read", "--days", "7")
    again = path.read_text().strip()
    assert (answer(text), answer(again)) == (401, 200)
    account = User.objects.get(username="robot")
    assert (account.role, account.is_active) == ("admin", True)
    assert [(row.scope, row.state) for row in ApiToken.objects.order_by("pk")] == [
        ("operate", "revoked"),
        ("read", "valid"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("admin", "--owner", "admin"), "admin is not a service account. Use another name."),
        (("robot", "--owner", "nobody-here"), "owner: user nobody-here does not exist"),
        (("robot", "--owner", "viewer"), "owner: viewer has the role viewer"),
        (("root", "--owner", "admin"), "username: root is reserved"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: tuple[str, ...], said: str, admin_user: User, viewer_user: User
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("service_account", *arguments)


def test_a_token_says_where_it_was_used_from_and_what_to_see_to(admin: Visitor, viewer_user: User) -> None:
    row, text = token_create(actor=viewer_user, name="export", days=30)
    caller = Client(headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR="198.51.100.7")
    caller.get("/api/v1/me")

    def listed() -> tuple[str | None, list[str]]:
        (one,) = admin.get("/api/v1/people/viewer/tokens").json()["items"]
        return one["last_used_from"], one["warnings"]

    assert listed() == ("198.51.100.7", [])
    page = admin.page("/people/by-name/viewer/")
    (used,) = page.table(People.tokens_of("viewer")).column(People.LAST_USED)
    assert used.endswith("from 198.51.100.7")
    now = timezone.now()
    for expires, used, warnings in (
        (timedelta(days=14, minutes=1), timedelta(days=89, hours=23), []),
        (timedelta(days=14), timedelta(), ["expires_soon"]),
        (timedelta(days=15), timedelta(days=90), ["unused"]),
        (timedelta(days=1), timedelta(days=91), ["expires_soon", "unused"]),
        (timedelta(days=-1), timedelta(days=91), []),
    ):
        ApiToken.objects.update(expires_at=now + expires, last_used_at=now - used)
        assert listed()[1] == warnings
        (state,) = visitor(viewer_user).page("/settings/").table(OwnSettings.TOKENS).column(OwnSettings.STATE)
        assert [name for name, said in OwnSettings.WARNINGS.items() if said in state] == warnings
    # Never used: it counts from its creation.
    ApiToken.objects.update(expires_at=now + timedelta(days=15), last_used_at=None, created_at=now - timedelta(days=90))
    assert listed()[1] == ["unused"]
    token_revoke(actor=SYSTEM, token=row)
    assert listed()[1] == []


def test_a_person_has_at_most_so_many_valid_tokens(viewer_user: User) -> None:
    rows = [token_create(actor=viewer_user, name=f"export {number}")[0] for number in range(VALID_TOKENS_AT_MOST)]
    client = visitor(viewer_user)
    refused = send(client, "/me/tokens", {"name": "one more"})
    assert (refused.status_code, refused.json()["error"]["message"], refused.json()["error"]["remedy"]) == (
        409,
        "You have reached the limit of 50 valid tokens.",
        "Revoke an unused token.",
    )
    # On the page too, as a message.
    form = {"name": "one more", "scope": "read", "days": "7"}
    page = client.post("/settings/tokens/", form, headers={"Referer": "http://testserver/settings/"}, follow=True)
    (message,) = Page.of(page).messages
    assert message.startswith(refused.json()["error"]["message"])
    token_revoke(actor=viewer_user, token=rows[0])
    ApiToken.objects.filter(pk=rows[1].pk).update(expires_at=timezone.now())
    assert [send(client, "/me/tokens", {"name": f"more {number}"}).status_code for number in range(3)] == [
        201,
        201,
        409,
    ]


def test_a_password_is_no_tokens_business(admin_user: User, viewer_user: User) -> None:
    """A service account's token manages neither tokens nor links, whatever its role."""
    text = token_create(actor=admin_user, name="export", owner=robot(admin_user, Role.ADMIN))[1]
    answers = [
        send(bearer(text), "/people/viewer/reset-link"),
        send(bearer(text), "/people/robot/tokens", {"name": "x"}),
        send(bearer(text), "/people/viewer", {"email": "a@example.org"}, "patch"),
        send(bearer(text), "/me", {"current_password": RIGHT, "password": GOOD}, "patch"),
    ]
    assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [(403, "session_needed")] * 4
