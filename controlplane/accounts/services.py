"""Writing: acting under a role with an audit row, people, tokens."""

import hashlib
import logging
import secrets
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.errors import ActionError, InvalidInputError
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.roles import Role

log = logging.getLogger(__name__)


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
    log.info("%s %s: %s", action, act.target, outcome, extra={"actor": actor.get_username(), **_told(act.detail)})


def _told(detail: dict[str, Any]) -> dict[str, Any]:
    """What names the thing that came of it: the way from a request to its run in the logs."""
    named = next((str(detail[name]) for name in ("run", "run_id", "id") if name in detail), "")
    return {"run_id": named} if named else {}


def person_create(*, actor: User, username: str, password: str, role: Role) -> User:
    """Add a person who may sign in.

    Raises:
        InvalidInputError: the name is taken, empty or has strange characters, or the password is weak.
        PermissionDenied: the actor is no admin.
    """
    username = username.strip()
    with acting(actor=actor, action="person.create", target=username, role=Role.ADMIN) as act:
        act.detail["role"] = role.value
        person = User(username=username, role=role)
        _check("username", lambda: User._meta.get_field("username").clean(username, person))
        _check("password", lambda: validate_password(password, person))
        person.set_password(password)
        # Whoever adds the same name at the same moment is told the same.
        inserted = User.objects.bulk_create([person], ignore_conflicts=True)
        found = User.objects.get(username=username)
        if not inserted or found.password != person.password:
            raise InvalidInputError(f"username: {username} is taken.", "Choose another name.")
        return found


def person_change(*, actor: User, person: User, role: Role, active: bool) -> User:
    """Change what a person may do. The last active admin stays one.

    Raises:
        ActionError: it would leave nobody who can manage people.
    """
    who = person.get_username()
    with acting(actor=actor, action="person.change", target=who, role=Role.ADMIN) as act, transaction.atomic():
        admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
        stays_admin = role == Role.ADMIN and active
        if not stays_admin and set(admins.values_list("pk", flat=True)) == {person.pk}:
            raise ActionError(f"{who} is the only admin left.", "Make another person admin first.")
        if person.role != role:
            act.detail["role"] = [person.role, role.value]
        if person.is_active != active:
            act.detail["active"] = [person.is_active, active]
        person.role, person.is_active = role, active
        person.save(update_fields=["role", "is_active"])
    return person


def password_reset(*, actor: User, person: User, password: str) -> None:
    """Give somebody a new password; it ends the person's sessions.

    Raises:
        InvalidInputError: the password is weak.
    """
    with acting(actor=actor, action="person.reset-password", target=person.get_username(), role=Role.ADMIN):
        _password_set(person, password)


def password_change(*, actor: User, current: str, password: str) -> None:
    """Change one's own password; it ends one's other sessions.

    Raises:
        InvalidInputError: the current one is wrong, or the new one is weak.
    """
    with acting(actor=actor, action="person.change-password", target=actor.get_username(), role=Role.VIEWER):
        if not actor.check_password(current):
            raise InvalidInputError("current password: is wrong.", "Type the one that you signed in with.")
        _password_set(actor, password)


@cache
def time_zones() -> frozenset[str]:
    """The names of all time zones: read once, since that means walking through hundreds of files."""
    return frozenset(zoneinfo.available_timezones())


def time_zone_change(*, actor: User, time_zone: str) -> None:
    """Say in which zone the pages write times for the actor.

    Raises:
        InvalidInputError: there is no such zone.
    """
    with acting(actor=actor, action="person.change-time-zone", target=actor.get_username(), role=Role.VIEWER) as act:
        if time_zone not in time_zones():
            raise InvalidInputError(f"time zone: {time_zone!r} is none.", "Choose one such as Europe/Berlin or UTC.")
        act.detail["time_zone"] = [actor.time_zone, time_zone]
        actor.time_zone = time_zone
        actor.save(update_fields=["time_zone"])


def _password_set(person: User, password: str) -> None:
    _check("password", lambda: validate_password(password, person))
    person.set_password(password)
    person.save(update_fields=["password"])


def _check(name: str, validate: Callable[[], object]) -> None:
    try:
        validate()
    except ValidationError as error:
        raise InvalidInputError(f"{name}: {' '.join(error.messages)}") from error


def token_digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_create(*, actor: User, name: str, token: str = "") -> tuple[ApiToken, str]:
    """Make a bearer token for the actor; its text is given back here and nowhere else.

    Args:
        token: a token that was chosen elsewhere (the first start does); by default one is made.

    Raises:
        InvalidInputError: the name is empty, too long, or names another token of the actor.
    """
    name = name.strip()
    with acting(actor=actor, action="token.create", target=name, role=Role.VIEWER):
        if not 1 <= len(name) <= 80:
            raise InvalidInputError(
                "name: must have 1 to 80 characters.", "Name it after the program that will use it."
            )
        text = token or f"lh_{secrets.token_urlsafe(32)}"
        with transaction.atomic():
            # The owner's row is the lock: a form sent twice makes one token.
            User.objects.select_for_update().get(pk=actor.pk)
            if ApiToken.objects.filter(owner=actor, name=name, revoked_at=None).exists():
                raise InvalidInputError(
                    f"name: you have a token named {name}.", "Revoke it first, or choose another name."
                )
            row = ApiToken.objects.create(owner=actor, name=name, digest=token_digest(text), hint=text[:8])
        return row, text


def token_revoke(*, actor: User, token: ApiToken) -> None:
    """End a token. An admin may end anybody's."""
    needed = Role.VIEWER if token.owner_id == actor.pk else Role.ADMIN
    with acting(actor=actor, action="token.revoke", target=str(token), role=needed):
        ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
