"""An installation from before the sessions and scopes is brought up to date with its rows."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from controlplane.accounts.auditing.chain import chain_verify
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User

OLD = [("accounts", "0001_initial")]
BEFORE_THE_CHAIN = [("accounts", "0003_names_in_any_case")]


@pytest.mark.django_db(transaction=True)
def test_existing_audit_rows_get_their_place_in_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("controlplane.accounts.migrations.0004_audit_chain"), "BATCH", 2)
    executor = MigrationExecutor(connection)
    executor.migrate(BEFORE_THE_CHAIN)
    try:
        entries = executor.loader.project_state(BEFORE_THE_CHAIN).apps.get_model("accounts", "AuditEntry").objects
        for number in range(5):
            entries.create(
                actor_name="grace", action="a.b", target=f"row {number}", outcome="succeeded",
                detail={"share": 1.0, "address": "::ffff:192.0.2.1" if number else "nowhere"},
            )  # fmt: skip
        entries.update(at=datetime(2026, 11, 1, tzinfo=UTC))
        for number in (3, 4):
            entries.filter(target=f"row {number}").update(at=datetime(2026, 10, number, tzinfo=UTC))
        ids = [row.pk for row in entries.order_by("at", "id")]
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    rows = list(AuditEntry.objects.order_by("sequence"))
    assert [(row.pk, row.sequence) for row in rows] == list(zip(ids, range(1, 6), strict=True))
    assert [row.target for row in rows[:2]] == ["row 3", "row 4"]
    assert {row.target: (row.address, row.detail) for row in rows} == {
        "row 0": (None, {"share": 1.0, "address": "nowhere"}),
        **{f"row {number}": ("192.0.2.1", {"share": 1.0}) for number in range(1, 5)},
    }
    audit_append(actor=None, action="a.b", target="new", outcome=AuditEntry.Outcome.SUCCEEDED)
    found = chain_verify()
    assert (found.rows, found.head.sequence, found.problem) == (6, 6, None)


@pytest.mark.django_db(transaction=True)
def test_the_rows_of_before_are_kept_and_the_old_sessions_are_not() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(OLD)
    try:
        old = executor.loader.project_state(OLD).apps
        grace = old.get_model("accounts", "User").objects.create(username="Gra\u0063\u0327e", role="admin")
        tokens = old.get_model("accounts", "ApiToken").objects
        for number, name in enumerate(("first token", "export", "first token")):
            tokens.create(owner=grace, name=name, digest=str(number), hint="lh_")
        old.get_model("accounts", "AuditEntry").objects.create(
            actor=grace, actor_name="grace", action="person.sign-in", target="grace", outcome="failed",
            detail={"address": "198.51.100.7", "digest": "0123"},
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE django_session (session_key varchar(40), session_data text)")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert User.objects.get().username == "Gra\u00e7e"
    assert [(row.name, row.scope, row.of_installation) for row in ApiToken.objects.order_by("pk")] == [
        ("first token", "people", True),
        ("export", "admin", False),
        ("first token", "admin", False),
    ]
    in_90_days = timezone.now() + timedelta(days=90)
    assert all(timedelta() <= in_90_days - row.expires_at < timedelta(hours=1) for row in ApiToken.objects.all())
    entry = AuditEntry.objects.get()
    assert (entry.detail, entry.address, entry.via) == ({}, "198.51.100.7", "")
    assert "django_session" not in connection.introspection.table_names()
