"""`manage.py first_admin`: creates the first admin with the password and token of credentials.json."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import token_digest, token_state

PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a file's name
TOKEN_NAME = "first token"  # noqa: S105 - a name, not a token


class Command(BaseCommand):
    help = (
        "Create the first admin and register the API token, both from credentials.json in the data folder. "
        "Idempotent: later changes by users are kept."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.DATA_DIR / "credentials.json"
        try:
            said = json.loads(path.read_text())
            username, password, token = said["username"], said["password"], said["api_token"]
        except FileNotFoundError:
            raise CommandError(f"{path} does not exist. Run `make up` to create it.") from None
        except (ValueError, KeyError) as error:
            raise CommandError(f"Can't read {path}: {type(error).__name__} {error}.") from None
        self._written = list[tuple[User, str, str, dict[str, Any] | None, dict[str, Any] | None]]()
        with transaction.atomic():
            person = self._registered(username, password, token)
            # Last, so that no lock is taken after that of the audit's head.
            for owner, action, target, before, after in self._written:
                audit_append(
                    actor=owner,
                    actor_name="first start",
                    action=action,
                    target=target,
                    outcome=AuditEntry.Outcome.SUCCEEDED,
                    before=before,
                    after=after,
                )
        # For who prints where to sign in: the password of the file would be the wrong one.
        changed = settings.DATA_DIR / PASSWORD_CHANGED
        if person.check_password(password):
            changed.unlink(missing_ok=True)
        else:
            changed.touch()
        self.stdout.write(f"{username} can sign in.")

    def _registered(self, username: str, password: str, token: str) -> User:
        person = User.objects.filter(username=username).first()
        if person is None:
            person = User.objects.create_user(username=username, password=password, role=Role.ADMIN)
            after = {"username": username, "role": Role.ADMIN.value, "active": True}
            self._written.append((person, "person.create", username, None, after))
        digest = token_digest(token)
        if not ApiToken.objects.filter(digest=digest).exists():
            row = ApiToken.objects.create(
                # Scripts rely on it: it doesn't expire. Like every token it is revoked with its owner's password.
                owner=person,
                name=TOKEN_NAME,
                digest=digest,
                hint=token[:8],
                scope=Scope.ADMIN,
                expires_at=None,
            )
            self._written.append((person, "token.create", TOKEN_NAME, None, token_state(row)))
        # Of a rotation: the file has another one now, and nobody is meant to use those of before.
        replaced = ApiToken.objects.filter(owner=person, name=TOKEN_NAME, expires_at=None, revoked_at=None)
        for row in replaced.exclude(digest=digest):
            before = {"revoked_at": None}
            row.revoked_at = timezone.now()
            row.save(update_fields=["revoked_at"])
            self._written.append((person, "token.revoke", str(row), before, {"revoked_at": row.revoked_at}))
        return person
