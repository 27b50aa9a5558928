"""Signing in: the right password only, slow for who guesses, and kept in the audit without what was typed."""

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.accounts.models import AuditEntry, User
from tests.accounts.clients import RIGHT
from tests.labels import SignIn
from tests.pages import Page

pytestmark = pytest.mark.django_db


def sign_in(client: Client, username: str = "viewer", password: str = RIGHT, **more: str) -> int:
    return client.post(reverse("accounts:sign-in"), {"username": username, "password": password, **more}).status_code


def test_every_page_leads_to_signing_in_and_back(client: Client, viewer_user: User) -> None:
    asked = client.get("/activity/?outcome=failed")
    assert asked.headers["Location"] == "/sign-in/?next=/activity/%3Foutcome%3Dfailed"
    answer = client.post(
        "/sign-in/", {"username": "viewer", "password": RIGHT, "next": "/activity/?outcome=failed"}, follow=False
    )
    assert answer.headers["Location"] == "/activity/?outcome=failed"


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org/", "javascript:alert(1)"])
def test_it_leads_nowhere_else(client: Client, elsewhere: str, viewer_user: User) -> None:
    answer = client.post("/sign-in/", {"username": "viewer", "password": RIGHT, "next": elsewhere})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_look_the_same(client: Client, viewer_user: User) -> None:
    pages = [
        Page.of(client.post("/sign-in/", {"username": name, "password": "wrong"})) for name in ("viewer", "nobody-here")
    ]
    assert [page.field("username").value for page in pages] == ["viewer", "nobody-here"]
    assert pages[0].text == pages[1].text
    assert SignIn.WRONG in pages[0].part("error")


def test_what_was_typed_where_the_name_belongs_is_kept_nowhere(client: Client) -> None:
    sign_in(client, username="my-secret-password")
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.target) == ("nobody", "an unknown username")
    assert "my-secret-password" not in str(entry.detail)
    assert (entry.address, entry.via, entry.detail) == ("127.0.0.1", "anonymous", {})


def test_signing_out_ends_the_session_and_a_get_does_not(client: Client, viewer_user: User) -> None:
    client.force_login(viewer_user)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/activity/").status_code == 302
    assert AuditEntry.objects.latest("at").action == "person.sign-out"


def test_who_is_deactivated_is_out_at_once(client: Client, viewer_user: User) -> None:
    client.force_login(viewer_user)
    assert client.get("/activity/").status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/activity/").status_code == 302


def test_a_form_from_elsewhere_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in/", {"username": "viewer", "password": RIGHT})
    assert answer.status_code == 403
    assert SignIn.TOO_OLD in Page.of(answer).headings
