"""The scope `people`, and an expiry for the token of credentials.json.

That token keeps what it could do: it gets the scope `people`. Every other token of the scope `admin` can no longer invite,
add or change users.
"""

from datetime import timedelta
from typing import Any

import django.utils.timezone
from django.db import migrations, models
from django.db.models import Case, F, Value, When


def limit_first_token(apps: Any, schema_editor: Any) -> None:
    ApiToken = apps.get_model("accounts", "ApiToken")  # noqa: N806 - a class
    # One statement: after a second update of a row, PostgreSQL can't alter the table in this transaction.
    ApiToken.objects.filter(expires_at=None).update(
        of_installation=True,
        expires_at=django.utils.timezone.now() + timedelta(days=90),
        scope=Case(When(scope="admin", then=Value("people")), default=F("scope")),
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_invitations_and_service_accounts")]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scope",
            field=models.CharField(
                choices=[("read", "Read"), ("operate", "Operate"), ("admin", "Admin"), ("people", "Manage users")],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="of_installation",
            field=models.BooleanField(
                default=False, help_text="The token of credentials.json, whose expiry every start extends."
            ),
        ),
        migrations.RunPython(limit_first_token, migrations.RunPython.noop),
        migrations.AlterField(model_name="apitoken", name="expires_at", field=models.DateTimeField()),
    ]
