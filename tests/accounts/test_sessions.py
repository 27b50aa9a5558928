"""Sessions end: idle, in the end, by hand, and with what they stand for. Each is listed with where it came from."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts import sessions
from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.invitations import link_use, reset_link_create
from controlplane.accounts.models import AuditEntry, User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.services import person_change, token_create
from controlplane.accounts.tasks import purge_expired
from tests.accounts.clients import GOOD, RIGHT, bearer, by_token, send
from tests.labels import OwnSettings
from tests.pages import Visitor
from tests.people import person, visitor

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def known(client: Client) -> bool:
    """Whether the pages know who the client is."""
    return client.get("/settings/").status_code == 200


def the_key(client: Client) -> str:
    return str(client.session.session_key)


def age(**by: float) -> None:
    """Let the sessions be begun, used and due to expire by so much earlier."""
    for session in UserSession.objects.all():
        for name in ("created_at", "last_used_at", "expire_date"):
            setattr(session, name, getattr(session, name) - timedelta(**by))
        UserSession.objects.filter(pk=session.pk).update(
            created_at=session.created_at, last_used_at=session.last_used_at, expire_date=session.expire_date
        )


def test_a_session_ends_without_activity(settings: Settings, viewer: Visitor) -> None:
    age(minutes=settings.SESSION_IDLE_MINUTES - 1)
    assert known(viewer)
    age(minutes=settings.SESSION_IDLE_MINUTES - 1)
    assert known(viewer)
    age(minutes=settings.SESSION_IDLE_MINUTES)
    key = the_key(viewer)
    assert (known(viewer), viewer.get("/api/v1/me").status_code, person_behind(session_key=key)) == (
        False,
        401,
        None,
    )


def test_a_session_ends_in_the_end_however_active_it_is(settings: Settings, viewer: Visitor) -> None:
    for _ in range(settings.SESSION_MAX_HOURS * 2 - 1):
        age(minutes=30)
        assert known(viewer)
    session = UserSession.objects.get()
    assert session.expire_date == session.created_at + timedelta(hours=settings.SESSION_MAX_HOURS)
    age(minutes=30)
    assert not known(viewer)


def test_a_person_has_a_bounded_number_of_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_AT_MOST", 3)
    viewer, other = person(Role.VIEWER), visitor(person(Role.OPERATOR))
    clients = [visitor(viewer) for _ in range(3)]
    for minutes, client in zip((30, 10, 20), clients, strict=True):
        used = timezone.now() - timedelta(minutes=minutes)
        UserSession.objects.filter(session_key=the_key(client)).update(last_used_at=used)
    keys = [the_key(client) for client in clients]
    newest = Client()
    assert newest.post("/sign-in/", {"username": "viewer", "password": RIGHT}).status_code == 302
    # The one that was used longest ago has ended.
    assert set(UserSession.objects.filter(user=viewer).values_list("session_key", flat=True)) == {
        keys[1], keys[2], the_key(newest),
    }  # fmt: skip
    assert [known(client) for client in (*clients, newest, other)] == [False, True, True, True, True]


def test_what_a_session_keeps_does_not_move_its_end(viewer: Visitor) -> None:
    age(minutes=30)
    before = UserSession.objects.get()
    session = viewer.session
    session["tour"] = "seen"
    session.save()
    after = UserSession.objects.get()
    assert after.get_decoded()["tour"] == "seen"
    assert [after.created_at, after.expire_date, after.public_id] == [
        before.created_at,
        before.expire_date,
        before.public_id,
    ]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/live/", {"Accept": "text/event-stream"}),
        ("/overview/rates.json", {"Accept": "application/json"}),
        ("/search/?q=a", {"HX-Request": "true"}),
    ],
)
def test_what_a_page_reads_by_itself_is_no_activity(path: str, headers: dict[str, str], viewer: Visitor) -> None:
    age(minutes=30)
    before = UserSession.objects.get().expire_date
    viewer.get(path, headers=headers)
    assert UserSession.objects.get().expire_date == before
    viewer.get("/settings/")
    assert UserSession.objects.get().expire_date > before


def test_the_times_are_settings(settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_MAX_HOURS = 5, 1
    visitor(person(Role.VIEWER))
    session = UserSession.objects.get()
    assert session.expire_date - session.created_at == timedelta(minutes=5)


def test_sessions_are_listed_with_browser_and_address_and_without_their_key(viewer_user: User) -> None:
    client = Visitor(headers={"User-Agent": FIREFOX}, REMOTE_ADDR="198.51.100.7")
    client.post("/sign-in/", {"username": "viewer", "password": RIGHT})
    elsewhere = visitor(viewer_user)
    page = client.page("/settings/")
    own = page.table(OwnSettings.SESSIONS).row(OwnSettings.THIS_ONE)
    assert own[OwnSettings.ADDRESS] == "198.51.100.7"
    assert "Firefox on Linux" in own[OwnSettings.BROWSER]
    answer = client.get("/api/v1/me/sessions")
    own, other = sorted(answer.json()["items"], key=lambda one: not one["this_one"])
    assert (own["address"], own["user_agent"], own["this_one"], other["this_one"]) == (
        "198.51.100.7",
        FIREFOX,
        True,
        False,
    )
    for key in (the_key(client), the_key(elsewhere)):
        assert key not in page.html + answer.content.decode()


def test_a_browser_that_calls_itself_markup_is_shown_as_text(viewer_user: User) -> None:
    name = "<script>alert(1)</script>"
    client = Visitor(headers={"User-Agent": name + "x" * 400})
    client.post("/sign-in/", {"username": "viewer", "password": RIGHT})
    page = client.page("/settings/")
    assert name not in page.html
    (shown,) = page.table(OwnSettings.SESSIONS).column(OwnSettings.BROWSER)
    assert shown.startswith(name)
    assert len(UserSession.objects.get().user_agent) == 255


@pytest.mark.parametrize("by", ["page", "api"])
def test_one_session_is_ended_and_the_others_stay(by: str, viewer_user: User) -> None:
    client, elsewhere = visitor(viewer_user), visitor(viewer_user)
    ended = UserSession.objects.get(session_key=the_key(elsewhere)).public_id
    if by == "page":
        assert client.post(f"/settings/sessions/{ended}/end/").status_code == 302
    else:
        assert client.delete(f"/api/v1/me/sessions/{ended}").status_code == 204
    assert (known(client), known(elsewhere)) == (True, False)
    entry = AuditEntry.objects.latest("at")
    assert (entry.action, entry.target, entry.detail) == ("session.end", "viewer", {"session": str(ended)})


@pytest.mark.parametrize("by", ["page", "api"])
def test_signing_out_everywhere(by: str, operator: Visitor, viewer_user: User) -> None:
    client, elsewhere = visitor(viewer_user), visitor(viewer_user)
    if by == "page":
        assert client.post("/settings/sessions/end/").headers["Location"] == "/sign-in/"
    else:
        assert client.delete("/api/v1/me/sessions").status_code == 204
    assert (known(client), known(elsewhere), known(operator)) == (False, False, True)
    entry = AuditEntry.objects.latest("at")
    assert (entry.before, entry.after, entry.via) == ({"sessions": 2}, {"sessions": 0}, "session")


@pytest.mark.parametrize("by", ["page", "api", "page, one", "api, one"])
def test_an_admin_ends_a_persons_sessions(by: str, admin: Visitor, viewer_user: User) -> None:
    client = visitor(viewer_user)
    (listed,) = admin.get("/api/v1/people/viewer/sessions").json()["items"]
    page = admin.page("/people/by-name/viewer/")
    assert [action.url for action in page.actions if listed["id"] in action.url]
    answer = {
        "page": lambda: admin.post("/people/by-name/viewer/sessions/end/"),
        "api": lambda: admin.delete("/api/v1/people/viewer/sessions"),
        "page, one": lambda: admin.post(f"/settings/sessions/{listed['id']}/end/"),
        "api, one": lambda: admin.delete(f"/api/v1/people/viewer/sessions/{listed['id']}"),
    }[by]()
    assert answer.status_code in (204, 302)
    assert (known(client), known(admin)) == (False, True)


def test_what_ends_sessions_and_tokens(admin_user: User, viewer_user: User) -> None:
    for end in (
        lambda: link_use(
            code=reset_link_create(actor=admin_user, person=viewer_user).url.rpartition("#")[2], password=GOOD
        ),
        lambda: person_change(actor=admin_user, person=viewer_user, role=Role.VIEWER, active=False),
    ):
        client, token = visitor(viewer_user), token_create(actor=viewer_user, name="export")[1]
        assert (known(client), bearer(token).get("/api/v1/me").status_code) == (True, 200)
        end()
        assert AuditEntry.objects.latest("at").detail.items() >= {"sessions_ended": 1, "tokens_revoked": 1}.items()
        assert (known(client), bearer(token).get("/api/v1/me").status_code) == (False, 401)
        assert not UserSession.objects.filter(user=viewer_user).exists()
        viewer_user.refresh_from_db()
    # Nothing of it comes back.
    person_change(actor=admin_user, person=viewer_user, role=Role.VIEWER, active=True)
    assert (known(client), bearer(token).get("/api/v1/me").status_code) == (False, 401)


@pytest.mark.parametrize("by", ["page", "api"])
def test_ones_own_change_of_password_ends_all_but_this_session(by: str, viewer_user: User) -> None:
    client, elsewhere = visitor(viewer_user), visitor(viewer_user)
    token = token_create(actor=viewer_user, name="export")[1]
    key = the_key(client)
    if by == "page":
        client.post("/settings/password/", {"current": RIGHT, "password": GOOD})
    else:
        send(client, "/me", {"current_password": RIGHT, "password": GOOD}, "patch")
    assert (known(client), known(elsewhere)) == (True, False)
    assert bearer(token).get("/api/v1/me").status_code == 401
    assert the_key(client) != key
    assert UserSession.objects.count() == 1


def test_who_is_behind_a_session_or_a_token(viewer_user: User) -> None:
    client = visitor(viewer_user)
    key, (row, token) = the_key(client), token_create(actor=viewer_user, name="export")
    assert (person_behind(session_key=key), person_behind(token=token)) == (viewer_user, viewer_user)
    assert [person_behind(session_key="x" * 32), person_behind(token="lh_x"), person_behind()] == [None] * 3
    User.objects.update(is_active=False)
    assert (person_behind(session_key=key), person_behind(token=token)) == (None, None)
    User.objects.update(is_active=True)
    row.expires_at = timezone.now()
    row.save()
    UserSession.objects.update(expire_date=timezone.now())
    assert (person_behind(session_key=key), person_behind(token=token)) == (None, None)


def test_a_session_with_another_password_is_nobodys(viewer_user: User) -> None:
    key = the_key(visitor(viewer_user))
    viewer_user.set_password(GOOD)
    viewer_user.save()
    assert person_behind(session_key=key) is None


def test_a_token_does_nothing_with_sessions() -> None:
    client = by_token(Role.ADMIN)
    visitor(User.objects.get())
    public_id = UserSession.objects.get().public_id
    answers = [
        client.get("/api/v1/me/sessions"),
        client.delete("/api/v1/me/sessions"),
        client.delete(f"/api/v1/me/sessions/{public_id}"),
        client.get("/api/v1/people/admin/sessions"),
        client.delete("/api/v1/people/admin/sessions"),
        client.delete(f"/api/v1/people/admin/sessions/{public_id}"),
    ]
    assert {(one.status_code, one.json()["error"]["code"]) for one in answers} == {(403, "session_needed")}
    assert UserSession.objects.count() == 1


def test_sessions_of_the_past_are_purged(viewer: Visitor) -> None:
    purge_expired()
    assert UserSession.objects.count() == 1
    UserSession.objects.update(expire_date=timezone.now())
    purge_expired()
    assert not UserSession.objects.exists()
