"""`manage.py first_admin`: creates the first admin with the password and token of credentials.json."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import TOKEN_DAYS, token_digest, token_state

PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a file's name
TOKEN_NAME = "first token"  # noqa: S105 - a name, not a token
RENEWED_WITH_LESS_THAN = timedelta(days=30)


class Command(BaseCommand):
    help = (
        "Create the first admin and register the API token, both from credentials.json in the data folder. "
        f"Idempotent: later changes by users are kept. The token expires after {TOKEN_DAYS} days; with less than "
        f"{RENEWED_WITH_LESS_THAN.days} days left, it gets {TOKEN_DAYS} days again."
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
        self._rows = list[Callable[[], object]]()
        with transaction.atomic():
            person = self._registered(username, password, token)
            # Last, so that no lock is taken after that of the audit's head.
            for append in self._rows:
                append()
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
            self._audit_last(person, username, None, after, action="person.create")
        self._token_registered(person, token)
        return person

    def _token_registered(self, person: User, token: str) -> None:
        digest, now = token_digest(token), timezone.now()
        expires_at = now + timedelta(days=TOKEN_DAYS)
        known = ApiToken.objects.filter(digest=digest).first()
        if known is None:
            row = ApiToken.objects.create(
                owner=person,
                name=TOKEN_NAME,
                digest=digest,
                hint=token[:8],
                # The file has the admin's password as well.
                scope=Scope.PEOPLE,
                expires_at=expires_at,
                of_installation=True,
            )
            self._audit_last(person, TOKEN_NAME, None, token_state(row), action="token.create")
        elif known.of_installation and known.revoked_at is None and known.expires_at - now < RENEWED_WITH_LESS_THAN:
            before = {"expires_at": known.expires_at}
            known.expires_at = expires_at
            known.save(update_fields=["expires_at"])
            self._audit_last(person, str(known), before, {"expires_at": expires_at}, action="token.renew")
        # After a rotation, the file has another token.
        for row in ApiToken.objects.filter(owner=person, of_installation=True, revoked_at=None).exclude(digest=digest):
            row.revoked_at = now
            row.save(update_fields=["revoked_at"])
            self._audit_last(person, str(row), {"revoked_at": None}, {"revoked_at": now}, action="token.revoke")

    def _audit_last(
        self, owner: User, target: str, before: dict[str, Any] | None, after: dict[str, Any], *, action: str
    ) -> None:
        """Write an audit row at the end of the transaction."""
        self._rows.append(
            lambda: audit_append(
                actor=owner,
                actor_name="first start",
                action=action,
                target=target,
                outcome=AuditEntry.Outcome.SUCCEEDED,
                before=before,
                after=after,
            )
        )
