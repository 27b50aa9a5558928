"""People, Settings and Activity as pages."""

import re

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import token_create
from tests.accounts.signed_in import GOOD, in_session, session_of
from tests.accounts.two_step import add_app

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 403), (Role.ADMIN, 200)])
def test_people_is_for_admins(role: Role, status: int) -> None:
    client = in_session(role)
    found = [client.get(path).status_code for path in ("/people/", "/people/add/", f"/people/by-name/{role.value}/")]
    assert found == [status] * 3
    assert ("/people/" in client.get("/settings/").content.decode()) == (role == Role.ADMIN)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_wrong_form_shows_nobody_the_page_of_another_person(role: Role) -> None:
    victor = User.objects.create_user("victor", password=GOOD)
    token_create(actor=victor, name="victors-export")
    answer = in_session(role).post("/people/by-name/victor/", {"role": "no role"})
    assert (answer.status_code, "victors-export" in answer.content.decode()) == (403, False)


def test_a_user_is_added_and_changed() -> None:
    client = in_session(Role.ADMIN)
    client.post("/people/add/", {"username": "grace", "role": "viewer"})
    page = client.post("/people/by-name/grace/", {"role": "operator"}, follow=True).content.decode()
    grace = User.objects.get(username="grace")
    assert (grace.role, grace.is_active) == ("operator", False)
    undo = page[page.index('action="/people/by-name/grace/" class="ms-auto') :]
    client.post("/people/by-name/grace/", dict(re.findall(r'name="(role|active)" value="(\w+)"', undo)[:2]))
    grace.refresh_from_db()
    assert (grace.role, grace.is_active) == ("viewer", True)


def test_a_refused_user_is_shown_with_the_reason_and_what_was_typed() -> None:
    answer = in_session(Role.ADMIN).post("/people/add/", {"username": "adm1n", "role": "viewer"})
    page = answer.content.decode()
    reason = "Adm1n looks like the name admin, which is taken. Choose one that can&#x27;t be confused."
    assert (answer.status_code, reason in page, 'value="adm1n"' in page) == (422, True, True)


def test_a_post_by_who_may_not_is_refused_and_audited() -> None:
    answer = in_session(Role.OPERATOR).post("/people/add/", {"username": "grace", "role": "admin"})
    assert answer.status_code == 403
    assert not User.objects.filter(username="grace").exists()
    assert AuditEntry.objects.latest("at").outcome == "refused"


def test_a_token_is_shown_once() -> None:
    client = in_session(Role.VIEWER)
    page = client.post("/settings/tokens/", {"name": "export", "scope": "read", "days": "30"})
    (text,) = set(re.findall(r"lh_[\w-]{20,}", page.content.decode()))
    assert page.headers["Cache-Control"] == "private, no-store"
    assert Client().get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).json()["username"] == "viewer"
    assert text not in client.get("/settings/").content.decode()
    client.post(f"/settings/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert Client().get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_ones_own_password_is_changed_and_one_stays_signed_in() -> None:
    client = in_session(Role.VIEWER)
    elsewhere = session_of(User.objects.get())
    client.post("/settings/password/", {"current": "x" * 16, "password": GOOD})
    assert (client.get("/settings/").status_code, elsewhere.get("/settings/").status_code) == (200, 302)


@pytest.mark.parametrize("path", ["sessions/end/", "second-factors/reset/", "single-sign-on/disconnect/", ""])
def test_an_admin_whose_own_sessions_end_is_led_to_the_sign_in(path: str) -> None:
    client = in_session(Role.ADMIN)
    own = User.objects.get()
    User.objects.create_user("another", role=Role.ADMIN)
    add_app(own)
    SocialAccount.objects.create(user=own, provider="https://id.example", uid="f3b1")
    answer = client.post(f"/people/by-name/admin/{path}", {} if path else {"role": "admin"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/")
    assert client.get("/settings/").status_code == 302
    assert AuditEntry.objects.latest("sequence").outcome == "succeeded"


def test_a_refusal_comes_back_as_a_message_on_the_page_it_came_from() -> None:
    client = in_session(Role.VIEWER)
    answer = client.post(
        "/settings/password/",
        {"current": "wrong", "password": GOOD},
        headers={"Referer": "http://testserver/settings/"},
        follow=True,
    )
    assert answer.redirect_chain == [("/settings/", 302)]
    assert "current password: is wrong." in answer.content.decode()


def test_times_are_written_in_the_persons_zone() -> None:
    client = in_session(Role.VIEWER)
    token_create(actor=User.objects.get(), name="export")
    client.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"})
    page = client.get("/settings/").content.decode()
    assert re.search(r'title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d JST"', page)
    assert re.findall(r'<option value="([^"]+/[^"]+)" selected>', page) == ["Asia/Tokyo"]
    assert re.search(r'<select[^>]*class="form-select"', page)


def written(target: str, outcome: AuditEntry.Outcome) -> None:
    audit_append(actor=None, actor_name="grace", action="a.b", target=target, outcome=outcome)


def test_activity_is_filtered_by_the_address_and_paged_by_key() -> None:
    client = in_session(Role.VIEWER)
    for number in range(120):
        written(f"row-{number:03}", AuditEntry.Outcome.FAILED if number % 2 else AuditEntry.Outcome.SUCCEEDED)
    seen: list[str] = []
    address = "/activity/?outcome=failed&actor=grace"
    while address:
        page = client.get(address).content.decode()
        # A row that comes in between two pages moves nothing.
        written("row-new", AuditEntry.Outcome.FAILED)
        seen += re.findall(r"row-\d+", page)
        found = re.search(r'href="(\?[^"]*)" rel="next"', page)
        address = f"/activity/{found[1].replace('&amp;', '&')}" if found else ""
    assert seen == [f"row-{number:03}" for number in range(119, 0, -2)]


@pytest.mark.parametrize("query", ["since=yesterday", "until=2026-13-01"])
def test_a_moment_that_is_none_is_said_at_its_field(query: str) -> None:
    page = in_session(Role.VIEWER).get(f"/activity/?{query}").content.decode()
    assert f'role="alert">{"From" if "since" in query else "To"}: {query.split("=")[1]} is no moment.' in page


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WzEsMl0"])
def test_a_broken_cursor_is_said_and_not_a_crash(query: str) -> None:
    answer = in_session(Role.VIEWER).get(f"/activity/?{query}")
    assert (answer.status_code, "This can&#x27;t be done" in answer.content.decode()) == (422, True)


def test_activity_has_its_times_in_fields_and_is_turned_round() -> None:
    client = in_session(Role.VIEWER)
    User.objects.update(time_zone="Asia/Tokyo")
    for hour in (9, 10):
        written(f"row-{hour}", AuditEntry.Outcome.FAILED)
    page = client.get("/activity/?text=row-&sort=oldest").content.decode()
    assert page.index("row-9<") < page.index("row-10<")
    page = client.get("/activity/?since=2020-01-01T00:00Z&until=2020-01-02").content.decode()
    assert 'name="since" value="2020-01-01T09:00"' in page
    assert 'name="until" value="2020-01-02T23:59:59"' in page
    assert "Nothing matches" in page
    assert 'href="/activity/">Clear the filters' in page
