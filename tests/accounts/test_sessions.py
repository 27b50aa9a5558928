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
from tests.accounts.signed_in import GOOD, RIGHT, bearer, by_token, in_session, send, session_of
from tests.people import person

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in(client: Client) -> bool:
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


def test_a_session_ends_without_activity(settings: Settings) -> None:
    client = in_session(Role.VIEWER)
    age(minutes=settings.SESSION_IDLE_MINUTES - 1)
    assert signed_in(client)
    age(minutes=settings.SESSION_IDLE_MINUTES - 1)
    assert signed_in(client)
    age(minutes=settings.SESSION_IDLE_MINUTES)
    key = the_key(client)
    assert (signed_in(client), client.get("/api/v1/me").status_code, person_behind(session_key=key)) == (
        False,
        401,
        None,
    )


def test_a_session_ends_in_the_end_however_active_it_is(settings: Settings) -> None:
    client = in_session(Role.VIEWER)
    for _ in range(settings.SESSION_MAX_HOURS * 2 - 1):
        age(minutes=30)
        assert signed_in(client)
    session = UserSession.objects.get()
    assert session.expire_date == session.created_at + timedelta(hours=settings.SESSION_MAX_HOURS)
    age(minutes=30)
    assert not signed_in(client)


def test_a_person_has_a_bounded_number_of_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_AT_MOST", 3)
    viewer, other = person(Role.VIEWER), session_of(person(Role.OPERATOR))
    clients = [session_of(viewer) for _ in range(3)]
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
    assert [signed_in(client) for client in (*clients, newest, other)] == [False, True, True, True, True]


def test_what_a_session_keeps_does_not_move_its_end() -> None:
    client = in_session(Role.VIEWER)
    age(minutes=30)
    before = UserSession.objects.get()
    session = client.session
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
def test_what_a_page_reads_by_itself_is_no_activity(path: str, headers: dict[str, str]) -> None:
    client = in_session(Role.VIEWER)
    age(minutes=30)
    before = UserSession.objects.get().expire_date
    client.get(path, headers=headers)
    assert UserSession.objects.get().expire_date == before
    client.get("/settings/")
    assert UserSession.objects.get().expire_date > before


def test_the_times_are_settings(settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_MAX_HOURS = 5, 1
    in_session(Role.VIEWER)
    session = UserSession.objects.get()
    assert session.expire_date - session.created_at == timedelta(minutes=5)


def test_sessions_are_listed_with_browser_and_address_and_without_their_key() -> None:
    viewer = person(Role.VIEWER)
    client = Client(headers={"User-Agent": FIREFOX}, REMOTE_ADDR="198.51.100.7")
    client.post("/sign-in/", {"username": "viewer", "password": RIGHT})
    elsewhere = session_of(viewer)
    page = client.get("/settings/").content.decode()
    assert "Firefox on Linux" in page
    assert "198.51.100.7" in page
    assert page.count("this one</span>") == 1
    answer = client.get("/api/v1/me/sessions")
    own, other = sorted(answer.json()["items"], key=lambda one: not one["this_one"])
    assert (own["address"], own["user_agent"], own["this_one"], other["this_one"]) == (
        "198.51.100.7",
        FIREFOX,
        True,
        False,
    )
    for key in (the_key(client), the_key(elsewhere)):
        assert key not in page + answer.content.decode()


def test_a_browser_that_calls_itself_markup_is_shown_as_text() -> None:
    person(Role.VIEWER)
    client = Client(headers={"User-Agent": "<script>alert(1)</script>" + "x" * 400})
    client.post("/sign-in/", {"username": "viewer", "password": RIGHT})
    assert "<script>alert(1)" not in client.get("/settings/").content.decode()
    assert len(UserSession.objects.get().user_agent) == 255


@pytest.mark.parametrize("by", ["page", "api"])
def test_one_session_is_ended_and_the_others_stay(by: str) -> None:
    viewer = person(Role.VIEWER)
    client, elsewhere = session_of(viewer), session_of(viewer)
    ended = UserSession.objects.get(session_key=the_key(elsewhere)).public_id
    if by == "page":
        assert client.post(f"/settings/sessions/{ended}/end/").status_code == 302
    else:
        assert client.delete(f"/api/v1/me/sessions/{ended}").status_code == 204
    assert (signed_in(client), signed_in(elsewhere)) == (True, False)
    entry = AuditEntry.objects.latest("at")
    assert (entry.action, entry.target, entry.detail) == ("session.end", "viewer", {"session": str(ended)})


@pytest.mark.parametrize("by", ["page", "api"])
def test_signing_out_everywhere(by: str) -> None:
    viewer = person(Role.VIEWER)
    client, elsewhere, other = session_of(viewer), session_of(viewer), in_session(Role.OPERATOR)
    if by == "page":
        assert client.post("/settings/sessions/end/").headers["Location"] == "/sign-in/"
    else:
        assert client.delete("/api/v1/me/sessions").status_code == 204
    assert (signed_in(client), signed_in(elsewhere), signed_in(other)) == (False, False, True)
    entry = AuditEntry.objects.latest("at")
    assert (entry.before, entry.after, entry.via) == ({"sessions": 2}, {"sessions": 0}, "session")


@pytest.mark.parametrize("by", ["page", "api", "page, one", "api, one"])
def test_an_admin_ends_a_persons_sessions(by: str) -> None:
    viewer = person(Role.VIEWER)
    client, admin = session_of(viewer), in_session(Role.ADMIN)
    (listed,) = admin.get("/api/v1/people/viewer/sessions").json()["items"]
    page = admin.get("/people/by-name/viewer/").content.decode()
    assert listed["id"] in page
    answer = {
        "page": lambda: admin.post("/people/by-name/viewer/sessions/end/"),
        "api": lambda: admin.delete("/api/v1/people/viewer/sessions"),
        "page, one": lambda: admin.post(f"/settings/sessions/{listed['id']}/end/"),
        "api, one": lambda: admin.delete(f"/api/v1/people/viewer/sessions/{listed['id']}"),
    }[by]()
    assert answer.status_code in (204, 302)
    assert (signed_in(client), signed_in(admin)) == (False, True)


def test_what_ends_sessions_and_tokens() -> None:
    admin = person(Role.ADMIN)
    viewer = person(Role.VIEWER)
    for end in (
        lambda: link_use(code=reset_link_create(actor=admin, person=viewer).url.rpartition("#")[2], password=GOOD),
        lambda: person_change(actor=admin, person=viewer, role=Role.VIEWER, active=False),
    ):
        client, token = session_of(viewer), token_create(actor=viewer, name="export")[1]
        assert (signed_in(client), bearer(token).get("/api/v1/me").status_code) == (True, 200)
        end()
        assert AuditEntry.objects.latest("at").detail.items() >= {"sessions_ended": 1, "tokens_revoked": 1}.items()
        assert (signed_in(client), bearer(token).get("/api/v1/me").status_code) == (False, 401)
        assert not UserSession.objects.filter(user=viewer).exists()
        viewer.refresh_from_db()
    # Nothing of it comes back.
    person_change(actor=admin, person=viewer, role=Role.VIEWER, active=True)
    assert (signed_in(client), bearer(token).get("/api/v1/me").status_code) == (False, 401)


@pytest.mark.parametrize("by", ["page", "api"])
def test_ones_own_change_of_password_ends_all_but_this_session(by: str) -> None:
    viewer = person(Role.VIEWER)
    client, elsewhere = session_of(viewer), session_of(viewer)
    token = token_create(actor=viewer, name="export")[1]
    key = the_key(client)
    if by == "page":
        client.post("/settings/password/", {"current": RIGHT, "password": GOOD})
    else:
        send(client, "/me", {"current_password": RIGHT, "password": GOOD}, "patch")
    assert (signed_in(client), signed_in(elsewhere)) == (True, False)
    assert bearer(token).get("/api/v1/me").status_code == 401
    assert the_key(client) != key
    assert UserSession.objects.count() == 1


def test_who_is_behind_a_session_or_a_token() -> None:
    viewer = person(Role.VIEWER)
    client = session_of(viewer)
    key, (row, token) = the_key(client), token_create(actor=viewer, name="export")
    assert (person_behind(session_key=key), person_behind(token=token)) == (viewer, viewer)
    assert [person_behind(session_key="x" * 32), person_behind(token="lh_x"), person_behind()] == [None] * 3
    User.objects.update(is_active=False)
    assert (person_behind(session_key=key), person_behind(token=token)) == (None, None)
    User.objects.update(is_active=True)
    row.expires_at = timezone.now()
    row.save()
    UserSession.objects.update(expire_date=timezone.now())
    assert (person_behind(session_key=key), person_behind(token=token)) == (None, None)


def test_a_session_with_another_password_is_nobodys() -> None:
    viewer = person(Role.VIEWER)
    key = the_key(session_of(viewer))
    viewer.set_password(GOOD)
    viewer.save()
    assert person_behind(session_key=key) is None


def test_a_token_does_nothing_with_sessions() -> None:
    client = by_token(Role.ADMIN)
    session_of(User.objects.get())
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


def test_sessions_of_the_past_are_purged() -> None:
    in_session(Role.VIEWER)
    purge_expired()
    assert UserSession.objects.count() == 1
    UserSession.objects.update(expire_date=timezone.now())
    purge_expired()
    assert not UserSession.objects.exists()
