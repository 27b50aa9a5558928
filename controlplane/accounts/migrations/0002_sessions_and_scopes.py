"""Sessions with their person, tokens with scope and expiry, counters of password attempts.

Tokens that exist keep what they could do, and expire 90 days after the migration; the first start's token does not. Django's
own table of sessions is dropped: everybody signs in once more. The digest that stood for a typed name in the audit is
removed, since the counters have taken its place.
"""

import uuid
from datetime import timedelta
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def limit_tokens(apps: Any, schema_editor: Any) -> None:
    ApiToken = apps.get_model("accounts", "ApiToken")  # noqa: N806 - a class
    first_start = ApiToken.objects.filter(name="first token").order_by("pk").first()
    rest = ApiToken.objects.exclude(pk=first_start.pk if first_start else None)
    rest.update(expires_at=django.utils.timezone.now() + timedelta(days=90))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AttemptCounter",
            fields=[
                ("subject", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("window_ends", models.DateTimeField(db_index=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="UserSession",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("public_id", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=255)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "session", "verbose_name_plural": "sessions", "abstract": False},
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(help_text="Null only for the token of credentials.json.", null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scope",
            field=models.CharField(
                choices=[("read", "Read"), ("operate", "Operate"), ("admin", "Admin")], default="admin", max_length=16
            ),
            preserve_default=False,
        ),
        migrations.RunPython(limit_tokens, migrations.RunPython.noop),
        migrations.RunSQL(
            "UPDATE accounts_auditentry SET detail = detail - 'digest' WHERE jsonb_exists(detail, 'digest')",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL("DROP TABLE IF EXISTS django_session", migrations.RunSQL.noop),
    ]
