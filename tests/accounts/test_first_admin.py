"""`manage.py first_admin`: makes who credentials.json names, once, and says nothing secret."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from compose.local.report import PASSWORD_CHANGED
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.services import token_create

pytestmark = pytest.mark.django_db
CREDENTIALS = {
    "url": "http://127.0.0.1:8000",
    "username": "admin",
    "password": "a-random-password",
    "api_token": "lh_random-token",
}


def run(data: Path) -> str:
    said = StringIO()
    call_command("first_admin", stdout=said, stderr=said)
    return said.getvalue()


def test_it_makes_an_admin_with_that_password_and_token(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "credentials.json").write_text(json.dumps(CREDENTIALS))
    said = run(tmp_path)
    assert CREDENTIALS["password"] not in said
    assert CREDENTIALS["api_token"] not in said
    signed_in = Client().post("/sign-in/", {"username": "admin", "password": CREDENTIALS["password"]})
    assert signed_in.status_code == 302
    asked = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {CREDENTIALS['api_token']}"})
    assert asked.json()["role"] == "admin"


def test_again_it_changes_nothing_that_a_person_changed(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "credentials.json").write_text(json.dumps(CREDENTIALS))
    run(tmp_path)
    assert not (tmp_path / PASSWORD_CHANGED).exists()
    admin = User.objects.get()
    admin.set_password("changed by a person")
    admin.save()
    ApiToken.objects.update(revoked_at=admin.date_joined)
    run(tmp_path)
    assert User.objects.get().check_password("changed by a person")
    assert ApiToken.objects.get().revoked_at is not None
    assert AuditEntry.objects.filter(actor_name="first start").count() == 2
    assert (tmp_path / PASSWORD_CHANGED).exists()
    admin.set_password(CREDENTIALS["password"])
    admin.save()
    run(tmp_path)
    assert not (tmp_path / PASSWORD_CHANGED).exists()


@pytest.mark.parametrize("content", [None, "{", '{"username": "admin"}'])
def test_without_readable_credentials_it_says_so(settings: Settings, tmp_path: Path, content: str | None) -> None:
    settings.DATA_DIR = tmp_path
    if content is not None:
        (tmp_path / "credentials.json").write_text(content)
    with pytest.raises(CommandError, match=r"credentials\.json"):
        run(tmp_path)
    assert not User.objects.exists()


def test_a_rotated_token_takes_the_place_of_the_one_before(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "credentials.json").write_text(json.dumps(CREDENTIALS))
    run(tmp_path)
    (tmp_path / "credentials.json").write_text(json.dumps({**CREDENTIALS, "api_token": "lh_rotated-token"}))
    run(tmp_path)
    run(tmp_path)
    for token, status in ((CREDENTIALS["api_token"], 401), ("lh_rotated-token", 200)):
        asked = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert asked.status_code == status
    assert AuditEntry.objects.filter(action="token.revoke").count() == 1


def token_answers() -> int:
    return Client().get("/api/v1/me", headers={"Authorization": f"Bearer {CREDENTIALS['api_token']}"}).status_code


@pytest.mark.parametrize(
    ("left", "extended"),
    [(timedelta(days=31), False), (timedelta(days=29), True), (timedelta(days=-1), True)],
    ids=["31 days left", "29 days left", "expired"],
)
def test_a_start_extends_the_token_when_less_than_30_days_remain(
    left: timedelta, extended: bool, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "credentials.json").write_text(json.dumps(CREDENTIALS))
    run(tmp_path)
    expires_at = timezone.now() + left
    ApiToken.objects.update(expires_at=expires_at)
    assert token_answers() == (401 if left < timedelta() else 200)
    run(tmp_path)
    row = ApiToken.objects.get()
    assert token_answers() == 200
    assert (row.expires_at != expires_at) == extended
    entries = AuditEntry.objects.filter(action="token.renew")
    assert [(one.target, one.outcome) for one in entries] == [("first token (lh_rando…)", "succeeded")] * extended
    if extended:
        assert timedelta(days=90) - (row.expires_at - timezone.now()) < timedelta(minutes=1)


def test_a_start_extends_neither_a_revoked_token_nor_one_of_a_user(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "credentials.json").write_text(json.dumps(CREDENTIALS))
    run(tmp_path)
    own, _ = token_create(actor=User.objects.get(), name="mine", days=1)
    ApiToken.objects.filter(of_installation=True).update(revoked_at=timezone.now(), expires_at=timezone.now())
    before = dict(ApiToken.objects.values_list("pk", "expires_at"))
    run(tmp_path)
    assert dict(ApiToken.objects.values_list("pk", "expires_at")) == before
    own.refresh_from_db()
    assert (own.revoked_at, token_answers()) == (None, 401)


def test_the_start_does_it_in_one_process_as_often_as_it_is_asked(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "credentials.json").write_text(json.dumps(CREDENTIALS))
    call_command("set_up", stdout=StringIO(), stderr=StringIO())
    registered = User.objects.get(username="admin")
    call_command("set_up", stdout=StringIO(), stderr=StringIO())
    assert User.objects.get(username="admin").date_joined == registered.date_joined
    assert AuditEntry.objects.filter(action="person.create", target="admin").count() == 1
