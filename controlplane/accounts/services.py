"""Writing: acting under a role with an audit row, people, tokens."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.errors import ActionError, InvalidInputError
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role


@dataclass
class Act:
    """One audited action under way; what is put in `detail` is kept with its audit row."""

    target: str
    detail: dict[str, Any] = field(default_factory=dict)


@contextmanager
def acting(*, actor: User, action: str, target: str, role: Role = Role.OPERATOR) -> Iterator[Act]:
    """Do something as `actor`: checks the role first, and writes one audit row however it ends.

    Args:
        action: what is done, as `<entity>.<verb>`, for example `stream.start`.
        target: the name of what it is done to; the block may make it more exact through `act.target`.
        role: the least role that may do it.

    Raises:
        PermissionDenied: the actor's role doesn't include `role`; audited as refused.
    """
    act = Act(target)
    if not actor.has_role(role):
        _write(actor, action, act, AuditEntry.Outcome.REFUSED, {"needs": role.value, "has": actor.role})
        raise PermissionDenied(f"This needs the role {role.label.lower()}; {actor.get_username()} is {actor.role}.")
    try:
        yield act
    except ActionError as error:
        _write(actor, action, act, AuditEntry.Outcome.REFUSED, {"reason": str(error)})
        raise
    except Exception as error:
        _write(actor, action, act, AuditEntry.Outcome.FAILED, {"error": f"{type(error).__name__}: {error}"})
        raise
    _write(actor, action, act, AuditEntry.Outcome.SUCCEEDED, {})


def _write(actor: User, action: str, act: Act, outcome: AuditEntry.Outcome, more: dict[str, Any]) -> None:
    AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.get_username(),
        action=action,
        target=act.target[:255],
        outcome=outcome,
        detail={**act.detail, **more},
    )


def person_create(*, actor: User, username: str, password: str, role: Role) -> User:
    """Add a person who may sign in.

    Raises:
        InvalidInputError: the name is taken or empty.
        PermissionDenied: the actor is no admin.
    """
    with acting(actor=actor, action="person.create", target=username, role=Role.ADMIN) as act:
        act.detail["role"] = role.value
        if not username.strip():
            raise InvalidInputError("username: is empty.", "Give the person a name to sign in with.")
        with transaction.atomic():
            if User.objects.select_for_update().filter(username=username).exists():
                raise InvalidInputError(f"username: {username} is taken.", "Choose another name.")
            return User.objects.create_user(username=username, password=password, role=role)


def person_change(*, actor: User, person: User, role: Role, active: bool) -> User:
    """Change what a person may do. The last active admin stays one.

    Raises:
        ActionError: it would leave nobody who can manage people.
    """
    with acting(actor=actor, action="person.change", target=person.get_username(), role=Role.ADMIN) as act:
        act.detail.update({"role": [person.role, role.value], "active": [person.is_active, active]})
        with transaction.atomic():
            admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
            stays_admin = role == Role.ADMIN and active
            if not stays_admin and set(admins.values_list("pk", flat=True)) == {person.pk}:
                raise ActionError(
                    f"{person.get_username()} is the only admin left.", "Make another person admin first."
                )
            person.role, person.is_active = role, active
            person.save(update_fields=["role", "is_active"])
    return person


def token_digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_create(*, actor: User, name: str, token: str = "") -> tuple[ApiToken, str]:
    """Make a bearer token for the actor; its text is given back here and nowhere else.

    Args:
        token: a token that was chosen elsewhere (the first start does); by default one is made.
    """
    with acting(actor=actor, action="token.create", target=name, role=Role.VIEWER):
        text = token or f"lh_{secrets.token_urlsafe(32)}"
        row = ApiToken.objects.create(owner=actor, name=name, digest=token_digest(text), hint=text[:8])
        return row, text


def token_revoke(*, actor: User, token: ApiToken) -> None:
    """End a token. An admin may end anybody's."""
    needed = Role.VIEWER if token.owner_id == actor.pk else Role.ADMIN
    with acting(actor=actor, action="token.revoke", target=str(token), role=needed):
        ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
