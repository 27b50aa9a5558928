"""Writing: acting under a role with an audit row, people, passwords, tokens, sessions."""

import hashlib
import logging
import re
import secrets
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.accounts.errors import ActionError, InvalidInputError, SessionNeededError
from controlplane.accounts.models import ApiToken, AttemptCounter, AuditEntry, User, UserSession
from controlplane.accounts.names import name_checked, normalised
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.selectors import valid_tokens
from controlplane.accounts.sessions import sessions_end
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import password_attempt
from controlplane.web.database import give_back_connections

LONGEST_TOKEN_NAME = 80
# One line that can be shown, without spaces around it: no controls, and nothing that is invisible or turns text round.
_HIDDEN = r"\x00-\x20\x7f-\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff0-\ufffb"
_SHOWN = f"[^{_HIDDEN}]"
TOKEN_NAME = f"^{_SHOWN}( *{_SHOWN})*$"
TOKEN_DAYS, TOKEN_DAYS_AT_MOST = 90, 365

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
        PermissionDenied: the actor's role doesn't include `role`, or the actor came with a token whose scope doesn't;
            audited as refused. The scope `read` does nothing that is audited.
    """
    act = Act(target)
    token = actor.via_token
    if token is not None:
        act.detail["token"] = str(token)
    if not actor.has_role(role):
        _write(actor, action, act, AuditEntry.Outcome.REFUSED, {"needs": role.value, "has": actor.effective_role.value})
        limited = f", with a token of the scope {token.scope}" if token is not None else ""
        raise PermissionDenied(
            f"This needs the role {role.label.lower()}; {actor.get_username()} is {actor.role}{limited}."
        )
    if token is not None and token.scope == Scope.READ:
        _write(actor, action, act, AuditEntry.Outcome.REFUSED, {"needs": Scope.OPERATE.value, "has": token.scope})
        raise PermissionDenied("This changes something; the token's scope is read.")
    try:
        yield act
    except ActionError as error:
        if not error.audited:
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
        # PostgreSQL keeps no NUL, and what was tried is kept all the same.
        target=shortened(act.target.replace("\x00", "\ufffd"), 255),
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
        InvalidInputError: the name is not allowed (see names.py), or the password is weak.
        PermissionDenied: the actor is no admin.
    """
    with acting(actor=actor, action="person.create", target=normalised(username), role=Role.ADMIN) as act:
        act.detail["role"] = role.value
        person = User(username=name_checked(username), role=role)
        _check("password", lambda: validate_password(password, person))
        person.set_password(password)
        try:
            with transaction.atomic():
                person.save(force_insert=True)
        except IntegrityError:
            # Somebody else added the name at the same moment.
            raise InvalidInputError(f"username: {person.username} is taken.", "Choose another name.") from None
        return person


def person_change(*, actor: User, person: User, role: Role, active: bool) -> User:
    """Change what a person may do. The last active admin stays one. Deactivation ends the person's sessions and tokens.

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
        if not active:
            act.detail.update(_signed_out(person))
    return person


def _signed_out(person: User, *, keep_session: str = "") -> dict[str, int]:
    """End the person's sessions but one, and all of their tokens, for good; says how many for the audit."""
    revoked = ApiToken.objects.filter(owner=person, revoked_at=None).update(revoked_at=timezone.now())
    return {"tokens_revoked": revoked, "sessions_ended": sessions_end(person, keep=keep_session)}


def password_reset(*, actor: User, person: User, password: str) -> None:
    """Give somebody a new password; it ends the person's sessions and revokes their tokens.

    Raises:
        InvalidInputError: the password is weak.
        SessionNeededError: the actor came with a token.
    """
    with acting(actor=actor, action="person.reset-password", target=person.get_username(), role=Role.ADMIN) as act:
        _session_needed(actor, "Setting a password")
        _check("password", lambda: validate_password(password, person))
        act.detail.update(_password_set(person, password))


def password_change(*, actor: User, current: str, password: str, address: str, keep_session: str = "") -> None:
    """Change one's own password; it ends one's other sessions and revokes one's tokens.

    Args:
        address: where the actor is, for the throttle.
        keep_session: the key of the session that goes on.

    Raises:
        InvalidInputError: the current one is wrong, or the new one is weak.
        SessionNeededError: the actor came with a token.
        TooManyAttemptsError: the current one was tried too often lately.
    """
    who, action = actor.get_username(), "person.change-password"
    with acting(actor=actor, action=action, target=who, role=Role.VIEWER) as act:
        _session_needed(actor, "Changing a password")
        _check("password", lambda: validate_password(password, actor))
        with password_attempt(name=who, address=address, action=action) as attempt:
            # Hashing takes a while, and others need the connection.
            give_back_connections()
            attempt.succeeded = actor.check_password(current)
        if not attempt.succeeded:
            raise InvalidInputError("current password: is wrong.", "Type the one that you signed in with.")
        act.detail.update(_password_set(actor, password, keep_session=keep_session))


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


@transaction.atomic
def _password_set(person: User, password: str, *, keep_session: str = "") -> dict[str, int]:
    person.set_password(password)
    person.save(update_fields=["password"])
    return _signed_out(person, keep_session=keep_session)


def _session_needed(actor: User, what: str) -> None:
    if actor.via_token is not None:
        raise SessionNeededError(what)


def _check(name: str, validate: Callable[[], object]) -> None:
    try:
        validate()
    except ValidationError as error:
        raise InvalidInputError(f"{name}: {' '.join(error.messages)}") from error


def token_digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_create(*, actor: User, name: str, scope: Scope | None = None, days: int = TOKEN_DAYS) -> tuple[ApiToken, str]:
    """Make a bearer token for the actor; its text is given back here and nowhere else.

    Args:
        scope: the most that the token may do; by default what the actor may.
        days: after so many days it expires, 1 to 365.

    Raises:
        InvalidInputError: the name is empty, too long, or names another valid token of the actor; the scope is more
            than the actor's role; the days are out of bounds.
        SessionNeededError: the actor came with a token.
    """
    with acting(actor=actor, action="token.create", target=name, role=Role.VIEWER) as act:
        _session_needed(actor, "Making a token")
        if not 1 <= len(name) <= LONGEST_TOKEN_NAME:
            raise InvalidInputError(
                f"name: has {len(name)} characters and must have 1 to {LONGEST_TOKEN_NAME}.",
                "Name it after the program that will use it.",
            )
        if not re.fullmatch(TOKEN_NAME, name):
            raise InvalidInputError("name: has characters that can't be shown.", "Leave them out.")
        if not 1 <= days <= TOKEN_DAYS_AT_MOST:
            raise InvalidInputError(f"days: is {days} and must be 1 to {TOKEN_DAYS_AT_MOST}.", "Choose fewer days.")
        possible = Scope.within(Role(actor.role))
        scope = scope or possible[-1]
        if scope not in possible:
            raise InvalidInputError(
                f"scope: {scope} is more than the role {actor.role} may.", f"Choose one of {', '.join(possible)}."
            )
        act.detail.update(scope=scope.value, days=days)
        text = f"lh_{secrets.token_urlsafe(32)}"
        with transaction.atomic():
            # The owner's row is the lock: a form sent twice makes one token.
            User.objects.select_for_update().get(pk=actor.pk)
            if valid_tokens().filter(owner=actor, name=name).exists():
                raise InvalidInputError(
                    f"name: you have a token named {name}.", "Revoke it first, or choose another name."
                )
            row = ApiToken.objects.create(
                owner=actor,
                name=name,
                digest=token_digest(text),
                hint=text[:8],
                scope=scope,
                expires_at=timezone.now() + timedelta(days=days),
            )
        return row, text


def token_revoke(*, actor: User, token: ApiToken) -> None:
    """End a token. An admin may end anybody's.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    needed = Role.VIEWER if token.owner_id == actor.pk else Role.ADMIN
    with acting(actor=actor, action="token.revoke", target=str(token), role=needed):
        _session_needed(actor, "Revoking a token")
        ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def session_end(*, actor: User, session: UserSession) -> None:
    """End one session. An admin may end anybody's.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    owner = session.user.get_username() if session.user else "nobody"
    needed = Role.VIEWER if session.user_id == actor.pk else Role.ADMIN
    with acting(actor=actor, action="session.end", target=owner, role=needed) as act:
        _session_needed(actor, "Ending a session")
        act.detail["session"] = str(session.public_id)
        session.delete()


def all_sessions_end(*, actor: User, person: User) -> None:
    """Sign a person out everywhere. An admin may do so to anybody.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    needed = Role.VIEWER if person.pk == actor.pk else Role.ADMIN
    with acting(actor=actor, action="session.end-all", target=person.get_username(), role=needed) as act:
        _session_needed(actor, "Ending sessions")
        act.detail["sessions_ended"] = sessions_end(person)


def purge_expired() -> None:
    """Delete sessions that have ended and counters of attempts whose window is over."""
    now = timezone.now()
    UserSession.objects.filter(expire_date__lte=now).delete()
    AttemptCounter.objects.filter(window_ends__lte=now).delete()
