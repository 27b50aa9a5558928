"""People, Settings and Activity as pages."""

import re

import pytest
from allauth.socialaccount.models import SocialAccount

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import token_create
from tests.accounts.clients import GOOD, bearer
from tests.accounts.two_step import add_app
from tests.labels import Activity, Everywhere, Said
from tests.pages import Page, Visitor
from tests.people import person, visitor

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 403), (Role.ADMIN, 200)])
def test_people_is_for_admins(role: Role, status: int) -> None:
    client = visitor(person(role))
    found = [client.get(path).status_code for path in ("/people/", "/people/add/", f"/people/by-name/{role.value}/")]
    assert found == [status] * 3
    assert ("/people/" in client.page("/settings/").menu.values()) == (role == Role.ADMIN)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_wrong_form_shows_nobody_the_page_of_another_person(role: Role) -> None:
    victor = User.objects.create_user("victor", password=GOOD)
    token_create(actor=victor, name="victors-export")
    answer = visitor(person(role)).post("/people/by-name/victor/", {"role": "no role"})
    assert (answer.status_code, "victors-export" in answer.content.decode()) == (403, False)


def test_a_user_is_added_and_changed(admin: Visitor) -> None:
    admin.post("/people/add/", {"username": "grace", "role": "viewer"})
    page = Page.of(admin.post("/people/by-name/grace/", {"role": "operator"}, follow=True), admin)
    grace = User.objects.get(username="grace")
    assert (grace.role, grace.is_active) == ("operator", False)
    page.action(Everywhere.UNDO).press()
    grace.refresh_from_db()
    assert (grace.role, grace.is_active) == ("viewer", True)


def test_a_refused_user_is_shown_with_the_reason_and_what_was_typed(admin: Visitor) -> None:
    answer = admin.post("/people/add/", {"username": "adm1n", "role": "viewer"})
    page = Page.of(answer)
    assert (answer.status_code, page.field("username").value, list(page.errors)) == (422, "adm1n", ["username"])
    assert "looks like the existing name admin" in page.errors["username"]


def test_a_post_by_who_may_not_is_refused_and_audited(operator: Visitor) -> None:
    answer = operator.post("/people/add/", {"username": "grace", "role": "admin"})
    assert answer.status_code == 403
    assert not User.objects.filter(username="grace").exists()
    assert AuditEntry.objects.latest("at").outcome == "refused"


def test_a_token_is_shown_once(viewer: Visitor) -> None:
    answer = viewer.post("/settings/tokens/", {"name": "export", "scope": "read", "days": "30"})
    (text,) = Page.of(answer).copied
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert bearer(text).get("/api/v1/me").json()["username"] == "viewer"
    assert text not in viewer.page("/settings/").html
    viewer.post(f"/settings/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert bearer(text).get("/api/v1/me").status_code == 401


def test_ones_own_password_is_changed_and_one_stays_signed_in(viewer: Visitor) -> None:
    elsewhere = visitor(User.objects.get())
    viewer.post("/settings/password/", {"current": "x" * 16, "password": GOOD})
    assert (viewer.get("/settings/").status_code, elsewhere.get("/settings/").status_code) == (200, 302)


@pytest.mark.parametrize("path", ["sessions/end/", "second-factors/reset/", "single-sign-on/disconnect/", ""])
def test_an_admin_whose_own_sessions_end_is_led_to_the_sign_in(path: str, admin: Visitor) -> None:
    own = User.objects.get()
    User.objects.create_user("another", role=Role.ADMIN)
    add_app(own)
    SocialAccount.objects.create(user=own, provider="https://id.example", uid="f3b1")
    answer = admin.post(f"/people/by-name/admin/{path}", {} if path else {"role": "admin"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/")
    assert admin.get("/settings/").status_code == 302
    assert AuditEntry.objects.latest("sequence").outcome == "succeeded"


def test_a_refusal_comes_back_as_a_message_on_the_page_it_came_from(viewer: Visitor) -> None:
    answer = viewer.post(
        "/settings/password/",
        {"current": "wrong", "password": GOOD},
        headers={"Referer": "http://testserver/settings/"},
        follow=True,
    )
    assert answer.redirect_chain == [("/settings/", 302)]
    (message,) = Page.of(answer).messages
    assert message.startswith(f"current password: {Said.WRONG}")


def test_times_are_written_in_the_persons_zone(viewer: Visitor) -> None:
    token_create(actor=User.objects.get(), name="export")
    viewer.post("/settings/time-zone/", {"time_zone": "Asia/Tokyo"})
    page = viewer.page("/settings/")
    assert {moment[-4:] for moment in page.written_moments} == {" JST"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d JST", page.written_moments[0])
    zone = page.field("time_zone")
    assert (zone.value, zone.element.get("class")) == ("Asia/Tokyo", "form-select")


def written(target: str, outcome: AuditEntry.Outcome) -> None:
    audit_append(actor=None, actor_name="grace", action="a.b", target=target, outcome=outcome)


def test_activity_is_filtered_by_the_address_and_paged_by_key(viewer: Visitor) -> None:
    for number in range(120):
        written(f"row-{number:03}", AuditEntry.Outcome.FAILED if number % 2 else AuditEntry.Outcome.SUCCEEDED)
    seen: list[str] = []
    address = "/activity/?outcome=failed&actor=grace"
    while address:
        page = viewer.page(address)
        # A row that comes in between two pages moves nothing.
        written("row-new", AuditEntry.Outcome.FAILED)
        seen += page.table().column(Activity.RESOURCE)
        following = page.links.get(Everywhere.NEXT_PAGE)
        address = f"/activity/{following}" if following else ""
    assert seen == [f"row-{number:03}" for number in range(119, 0, -2)]


@pytest.mark.parametrize("query", ["since=yesterday", "until=2026-13-01"])
def test_a_moment_that_is_none_is_said_at_its_field(query: str, viewer: Visitor) -> None:
    name, _, value = query.partition("=")
    errors = viewer.page(f"/activity/?{query}").errors
    assert (list(errors), value in errors[name]) == ([name], True)


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WzEsMl0"])
def test_a_broken_cursor_is_said_and_not_a_crash(query: str, viewer: Visitor) -> None:
    answer = viewer.get(f"/activity/?{query}")
    assert (answer.status_code, "cursor" in Page.of(answer)) == (422, True)


def test_activity_has_its_times_in_fields_and_is_turned_round(viewer: Visitor) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    for hour in (9, 10):
        written(f"row-{hour}", AuditEntry.Outcome.FAILED)
    page = viewer.page("/activity/?text=row-&sort=oldest")
    assert page.table().column(Activity.RESOURCE) == ["row-9", "row-10"]
    page = viewer.page("/activity/?since=2020-01-01T00:00Z&until=2020-01-02")
    assert (page.field("since").value, page.field("until").value) == ("2020-01-01T09:00", "2020-01-02T23:59:59")
    assert page.is_empty
    assert page.link(Everywhere.CLEAR_FILTERS) == "/activity/"
