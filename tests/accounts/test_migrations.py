"""An installation from before the sessions and scopes is brought up to date with its rows."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from controlplane.accounts.models import ApiToken, AuditEntry, User

OLD = [("accounts", "0001_initial")]


@pytest.mark.django_db(transaction=True)
def test_the_rows_of_before_are_kept_and_the_old_sessions_are_not() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(OLD)
    try:
        old = executor.loader.project_state(OLD).apps
        grace = old.get_model("accounts", "User").objects.create(username="Gra\u0063\u0327e", role="admin")
        tokens = old.get_model("accounts", "ApiToken").objects
        for number, name in enumerate(("first token", "export")):
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
    assert {row.name: (row.scope, row.expires_at is None) for row in ApiToken.objects.all()} == {
        "first token": ("admin", True),
        "export": ("admin", False),
    }
    entry = AuditEntry.objects.get()
    assert (entry.detail, entry.address, entry.via) == ({}, "198.51.100.7", "")
    assert "django_session" not in connection.introspection.table_names()
