"""What is refused before a service acts is a line of the log with the person's name, and a bounded part is audited."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.services import token_create
from tests.accounts.clients import bearer
from tests.pages import Visitor
from tests.people import visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """The lines about refused requests: text, actor and address of each."""
    caplog.set_level(logging.WARNING)

    def read() -> list[tuple[str, str, str]]:
        found = [record for record in caplog.records if record.name == "controlplane.accounts.refusals"]
        return [(record.getMessage(), vars(record)["actor"], vars(record)["address"]) for record in found]

    return read


def rows(action: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    found = AuditEntry.objects.filter(action=action).order_by("sequence")
    return [(row.actor_name, row.target, row.outcome, row.detail) for row in found]


STATES: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"expires_at": timezone.now() - timedelta(days=1)}, "it is expired"),
    "revoked": ({"revoked_at": timezone.now()}, "it is revoked"),
    "both": ({"revoked_at": timezone.now(), "expires_at": timezone.now() - timedelta(days=1)}, "it is revoked"),
    "of a deactivated owner": ({}, "its owner is deactivated"),
}


@pytest.mark.parametrize(("changed", "reason"), STATES.values(), ids=STATES)
def test_a_token_that_is_no_longer_valid_leaves_a_row(
    changed: dict[str, Any], reason: str, lines: Any, operator_user: User
) -> None:
    token, text = token_create(actor=operator_user, name="export")
    ApiToken.objects.filter(pk=token.pk).update(**changed)
    if not changed:
        User.objects.update(is_active=False)
    answer = bearer(text).get("/api/v1/stream", REMOTE_ADDR="198.51.100.7")
    assert answer.status_code == 401
    detail = {"owner": "operator", "reason": reason, "refused_attempts": 1}
    assert rows("token.use") == [("nobody", str(token), "refused", detail)]
    assert AuditEntry.objects.latest("sequence").address == "198.51.100.7"
    assert lines() == [(f"refused GET /api/v1/stream: token rejected: {reason}", "nobody", "198.51.100.7")]
    assert text not in str(rows("token.use")) + str(lines())


@pytest.mark.parametrize("text", ["lh_guessed", "", " ", "x" * 5000, "\x00", "Bearer lh_x", "лh_x"])
def test_an_unknown_token_leaves_a_row_without_its_text(text: str) -> None:
    client = Client()
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}".encode().decode("latin-1")})
    assert answer.status_code == 401
    found = rows("token.use")
    detail = {"reason": "the token does not exist", "refused_attempts": 1}
    # Without a token there is nothing that is refused.
    assert found in ([("nobody", "a token that does not exist", "refused", detail)], [])
    assert bool(found) or not text.strip()


def test_rows_about_tokens_are_bounded_by_address(lines: Any, viewer_user: User) -> None:
    for number in range(101):
        bearer(f"lh_{number}").get("/api/v1/me", REMOTE_ADDR="198.51.100.7")
    bearer("lh_other").get("/api/v1/me", REMOTE_ADDR="198.51.100.8")
    assert [detail["refused_attempts"] for *_, detail in rows("token.use")] == [1, 10, 100, 1]
    assert len(lines()) == 102
    # A valid token is answered all the same.
    _, text = token_create(actor=viewer_user, name="export")
    assert bearer(text).get("/api/v1/me", REMOTE_ADDR="198.51.100.7").status_code == 200


@pytest.mark.parametrize("path", ["/settings/time-zone/", "/runs/jobs/", "/people/add/", "/sign-out/", "/api/v1/me"])
def test_a_form_without_its_token_is_logged_with_the_name_and_audited(path: str, lines: Any, viewer_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer_user)
    method = client.patch if path.startswith("/api/") else client.post
    for _ in range(12):
        assert method(path, {}, REMOTE_ADDR="198.51.100.7").status_code == 403
    found = rows("form.send")
    assert [(name, target, outcome, detail["refused_attempts"]) for name, target, outcome, detail in found] == [
        ("viewer", path, "refused", 1), ("viewer", path, "refused", 10),
    ]  # fmt: skip
    assert len(lines()) == 12
    assert {(actor, address) for _, actor, address in lines()} == {("viewer", "198.51.100.7")}


def test_a_form_of_another_origin_is_audited(viewer_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer_user)
    client.get("/settings/")
    answer = client.post("/sign-out/", {}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    ((_, target, outcome, detail),) = rows("form.send")
    assert (target, outcome) == ("/sign-out/", "refused")
    assert "http://evil.example" in detail["reason"]


@pytest.mark.parametrize(("path", "role"), [("/people/", "admin"), ("/activity/export.csv", "admin")])
def test_a_refused_page_is_logged_with_the_name(path: str, role: str, lines: Any, operator: Visitor) -> None:
    assert operator.get(path).status_code == 403
    ((text, actor, address),) = lines()
    assert text.startswith(f"refused GET {path}: This")
    assert role in text
    assert (actor, address) == ("operator", "127.0.0.1")


def test_a_refused_operation_is_logged_with_the_name(lines: Any, viewer_user: User) -> None:
    assert bearer(token_create(actor=viewer_user, name="t")[1]).get("/api/v1/people").status_code == 403
    assert visitor(viewer_user).get("/api/v1/people").status_code == 403
    assert [actor for _, actor, _ in lines()] == ["viewer", "viewer"]


def test_a_host_that_is_none_of_ours_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert Client().get("/sign-in/", headers={"host": "evil.example"}).status_code == 400
    assert any("evil.example" in record.getMessage() for record in caplog.records)
