"""`manage.py reset_link`: a link to choose a new password, for when no admin can sign in."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.accounts.invitations import invitation_renew, reset_link_create
from controlplane.accounts.names import person_named
from controlplane.accounts.services import command_line
from controlplane.errors import ActionError


class Command(BaseCommand):
    help = "Print a password reset link for a user, or a new invitation if the user has not signed in yet."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_named(options["username"])
        if person is None:
            raise CommandError(f"User {options['username']} does not exist.")
        create = invitation_renew if person.is_invited else reset_link_create
        try:
            made = create(actor=command_line("manage.py"), person=person)
        except ActionError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(made.url)
