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
        "Remove all second factors and recovery codes of a person and end their sessions. The password stays. It is "
        "for the only admin; an admin does the same for everybody else on the person's page."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the person's name")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_named(options["name"])
        if person is None:
            raise CommandError(f"name: nobody is named {options['name']!r}. The page People lists the names.")
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
        self.stdout.write(f"{person.get_username()} signs in with the password alone now.")
