"""`manage.py reset_second_factor NAME`: for the only admin who has lost every second factor and recovery code."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AuditEntry
from controlplane.accounts.names import person_named
from controlplane.accounts.second_factor.services import second_factors_delete
from controlplane.errors import ActionError


class Command(BaseCommand):
    help = (
        "Remove all second factors and recovery codes of a user and end the user's sessions. The password stays. Use "
        "this for the only admin. For other users, an admin can do the same on the page Users."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="username")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_named(options["name"])
        if person is None:
            raise CommandError(f"name: user {options['name']!r} does not exist. See the page Users for all users.")
        try:
            before, sessions_ended = second_factors_delete(person)
        except ActionError as error:
            raise CommandError(str(error)) from None
        audit_append(
            actor=None,
            actor_name="manage.py",
            action="second-factor.reset",
            target=person.get_username(),
            outcome=AuditEntry.Outcome.SUCCEEDED,
            detail={"sessions_ended": sessions_ended},
            before=before,
            after={"second_factors": []},
        )
        self.stdout.write(f"{person.get_username()} now signs in with only the password.")
