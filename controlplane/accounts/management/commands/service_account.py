"""`manage.py service_account`: creates or updates a service account with a token, for automation. Idempotent."""

import argparse
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.names import person_named
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.selectors import valid_tokens
from controlplane.accounts.service_accounts import owner_named, service_account_change, service_account_create
from controlplane.accounts.services import (
    TOKEN_DAYS,
    command_line,
    person_change,
    token_create,
    token_digest,
    token_revoke,
)
from controlplane.errors import ActionError

ACTOR = "manage.py"


class Command(BaseCommand):
    help = (
        "Create a service account, or update an existing one to the given role, owner and description. With "
        "--token-file, ensure that the file (mode 600) contains a valid token: a new one is created only if needed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--owner", required=True, help="the responsible user: an active operator or admin")
        parser.add_argument("--role", choices=Role.values, default=Role.OPERATOR.value)
        parser.add_argument("--description", default="")
        parser.add_argument("--token-file", type=Path, help="the file for the token")
        parser.add_argument("--token-name", default="automation")
        parser.add_argument("--scope", choices=Scope.values, help="default: the highest scope that the role allows")
        parser.add_argument("--days", type=int, default=TOKEN_DAYS, help="days until the token expires")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            account, what = self._account(options)
            said = [f"Service account {account.username} {what}."]
            if options["token_file"]:
                said.append(self._token(account, options))
        except ActionError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(" ".join(said))

    def _account(self, options: dict[str, Any]) -> tuple[User, str]:
        actor, owner, role = command_line(ACTOR), owner_named(options["owner"]), Role(options["role"])
        account = person_named(options["username"])
        if account is None:
            account = service_account_create(
                actor=actor, username=options["username"], role=role, owner=owner, description=options["description"]
            )
            return account, "created"
        if not account.is_service:
            raise CommandError(f"{account.username} is not a service account. Use another name.")
        changed = False
        if (account.service_owner_id, account.description) != (owner.pk, options["description"].strip()):
            service_account_change(actor=actor, account=account, owner=owner, description=options["description"])
            changed = True
        if (account.role, account.is_active) != (role.value, True):
            person_change(actor=actor, person=account, role=role, active=True)
            changed = True
        return account, "changed" if changed else "unchanged"

    def _token(self, account: User, options: dict[str, Any]) -> str:
        path: Path = options["token_file"]
        kept = path.read_text().strip() if path.exists() else ""
        valid = valid_tokens().filter(owner=account)
        if kept and valid.filter(digest=token_digest(kept)).exists():
            return f"{path} contains a valid token."
        for row in ApiToken.objects.filter(owner=account, name=options["token_name"], revoked_at=None):
            token_revoke(actor=command_line(ACTOR), token=row)
        _, text = token_create(
            actor=command_line(ACTOR),
            name=options["token_name"],
            scope=Scope(options["scope"]) if options["scope"] else None,
            days=options["days"],
            owner=account,
        )
        _write_private(path, text + "\n")
        return f"{path} contains a new token."


def _write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read from the first byte on, and that is never half-written."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)
