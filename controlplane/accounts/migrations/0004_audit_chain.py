"""Audit rows become a hash chain with before, after and origin. Existing rows get their place by time."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

from controlplane.accounts.auditing.canonical import ZERO, digest_of
from controlplane.web.ip_addresses import ip_address

BATCH = 1000

APPEND_ONLY = """
CREATE FUNCTION accounts_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('lakehouse.audit_retention', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit rows are append-only: % of row % is refused', TG_OP, OLD.sequence
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER accounts_audit_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_append_only();
"""
NOT_APPEND_ONLY = """
DROP TRIGGER accounts_audit_append_only ON accounts_auditentry;
DROP FUNCTION accounts_audit_append_only();
UPDATE accounts_auditentry SET detail = detail || jsonb_build_object('address', address) WHERE address IS NOT NULL;
UPDATE accounts_auditentry SET actor_id = NULL WHERE actor_id NOT IN (SELECT id FROM accounts_user);
"""
SET_PLACES = """
UPDATE accounts_auditentry AS row SET
    sequence = place.sequence, previous_hash = place.previous_hash, hash = place.hash, address = place.address,
    detail = CASE WHEN place.address IS NULL THEN row.detail ELSE row.detail - 'address' END
FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[])
    AS place (id, sequence, previous_hash, hash, address)
WHERE row.id = place.id
"""


def chain(apps: Any, schema_editor: Any) -> None:
    """Give every row its number, its address in a column of its own, and its hash; a batch in memory at a time."""
    AuditEntry = apps.get_model("accounts", "AuditEntry")  # noqa: N806 - a class
    AuditChain = apps.get_model("accounts", "AuditChain")  # noqa: N806 - a class
    sequence, previous, after = 0, ZERO, Q()
    while True:
        rows = list(AuditEntry.objects.filter(after).order_by("at", "id")[:BATCH])
        if not rows:
            break
        places: list[tuple[Any, ...]] = []
        for row in rows:
            sequence += 1
            given = row.detail.get("address") if isinstance(row.detail, dict) else None
            row.address = (ip_address(given) or None) if isinstance(given, str) else None
            if row.address is not None:
                row.detail = {name: value for name, value in row.detail.items() if name != "address"}
            row.sequence, row.previous_hash = sequence, previous
            row.hash = previous = digest_of(row)
            places.append((row.id, sequence, row.previous_hash, row.hash, row.address))
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(SET_PLACES, [list(column) for column in zip(*places, strict=True)])
        after = Q(at__gt=rows[-1].at) | Q(at=rows[-1].at, id__gt=rows[-1].id)
    AuditChain.objects.create(pk=1, sequence=sequence, hash=previous)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_names_in_any_case")]

    operations = [
        migrations.CreateModel(
            name="AuditChain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.BigIntegerField(default=0)),
                ("hash", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="AuditVerification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("checked_at", models.DateTimeField()),
                ("complete_at", models.DateTimeField(null=True)),
                ("sequence", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                (
                    "problem",
                    models.JSONField(
                        help_text="sequence, kind and message of the first row that does not hold.", null=True
                    ),
                ),
            ],
        ),
        migrations.AlterModelOptions(name="auditentry", options={"ordering": ["-sequence"]}),
        migrations.AlterField(
            model_name="auditentry",
            name="actor",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(model_name="auditentry", name="at", field=models.DateTimeField(db_index=True)),
        migrations.AddField(
            model_name="auditentry",
            name="sequence",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="before",
            field=models.JSONField(
                help_text="The changed fields before the action; null if it created them.", null=True
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="after",
            field=models.JSONField(help_text="The changed fields after the action; null if it deleted them.", null=True),
        ),
        migrations.AddField(
            model_name="auditentry", name="address", field=models.CharField(max_length=45, null=True)
        ),
        migrations.AddField(
            model_name="auditentry",
            name="request_id",
            field=models.CharField(blank=True, db_index=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="via",
            field=models.CharField(
                blank=True,
                choices=[
                    ("session", "Session"),
                    ("token", "Token"),
                    ("anonymous", "No session or token"),
                    ("worker", "Background worker"),
                    ("command", "Management command"),
                    ("", "Not recorded"),
                ],
                default="",
                max_length=16,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="credential",
            field=models.CharField(
                blank=True, default="", help_text="The session's public id, or the token.", max_length=120
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="previous_hash",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="hash",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(chain, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="auditentry",
            name="sequence",
            field=models.BigIntegerField(help_text="1, 2, 3, … without gaps.", unique=True),
        ),
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
    ]
