"""Names are unique regardless of case and in Unicode's normal form NFKC."""

import unicodedata
from collections import defaultdict
from typing import Any

from django.db import migrations, models
from django.db.models.functions import Lower


def normalise(apps: Any, schema_editor: Any) -> None:
    """Bring the names into the normal form; stop with a list of those that would be the same name."""
    User = apps.get_model("accounts", "User")  # noqa: N806 - a class
    same: dict[str, list[str]] = defaultdict(list)
    for name in User.objects.order_by("pk").values_list("username", flat=True):
        same[unicodedata.normalize("NFKC", name).lower()].append(name)
    collisions = "; ".join(", ".join(map(repr, names)) for names in same.values() if len(names) > 1)
    if collisions:
        raise RuntimeError(
            f"These names of people differ only in case or normal form, and names have to be unique without that: "
            f"{collisions}. Nothing was changed. Rename all but one of each in the database of the control plane, for "
            "example: UPDATE accounts_user SET username = 'grace-2' WHERE username = 'Grace'; "
            "then migrate again. The renamed people sign in with their new name and the same password."
        )
    for person in User.objects.all():
        normal = unicodedata.normalize("NFKC", person.username)
        if normal != person.username:
            person.username = normal
            person.save(update_fields=["username"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_sessions_and_scopes")]

    operations = [
        migrations.RunPython(normalise, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(Lower("username"), name="accounts_user_username_any_case"),
        ),
    ]
