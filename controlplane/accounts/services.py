"""Writing: acting under a role with an audit row, people, passwords, tokens, sessions."""

import hashlib
import secrets
import zoneinfo
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.accounts.account_links import links_purge, links_revoke
from controlplane.accounts.auditing.origin import current_request
from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import ApiToken, AttemptCounter, AuditEntry, Kind, User, UserSession
from controlplane.accounts.names import name_checked, normalised
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.second_factor.freshness import fresh_needed
from controlplane.accounts.selectors import valid_tokens
from controlplane.accounts.sessions import sessions_end
from controlplane.accounts.signals import person_deactivated
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import password_attempt
from controlplane.errors import ActionError, InvalidInputError, SessionNeededError
from controlplane.names import NAME, hidden_in, normal_name
from controlplane.web.database import give_back_connections

LONGEST_TOKEN_NAME = 80
TOKEN_NAME = NAME
TOKEN_DAYS, TOKEN_DAYS_AT_MOST = 90, 365
VALID_TOKENS_AT_MOST = 50


@dataclass
class AuditedAction:
    """One audited action in progress; `detail` is stored with its audit row."""

    target: str
    detail: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def changed(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Keep what the action changes: of two states of the same thing, the fields that differ.

        Args:
            before: None where the action creates the thing.
            after: None where it deletes it.
        """
        if before is not None and after is not None:
            names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
            if not names:
                return
            before = {name: before.get(name) for name in names}
            after = {name: after.get(name) for name in names}
        self.before = None if before is None else dict(before)
        self.after = None if after is None else dict(after)


@contextmanager
def audited(
    *,
    actor: User,
    action: str,
    target: str,
    role: Role = Role.OPERATOR,
    verified: bool = False,
    only_in_session: str = "",
) -> Iterator[AuditedAction]:
    """Do something as `actor`: checks the role first, and writes one audit row however it ends.

    Args:
        action: what is done, as `<entity>.<verb>`, for example `stream.start`; one of auditing/actions.py.
        target: the name of what it is done to; the block may make it more exact through `act.target`.
        role: the least role that may do it.
        verified: whether the action could take over an account. The user of a session has to have verified within the
            last five minutes. A token needs the scope `people`, which was granted with a verification.
        only_in_session: set where no token may do it: the action as the subject of a sentence ("Ending a session").

    Raises:
        VerificationNeededError: the user of a session has not verified recently.
        SessionNeededError: `only_in_session` is set and the actor came with a token; audited as refused.
        PermissionDenied: the actor's role doesn't include `role`, or the actor came with a token whose scope doesn't
            allow the action; audited as refused. The scope `read` allows nothing that is audited.
    """
    role_needed(actor=actor, action=action, target=target, role=role)
    if verified and not only_in_session:
        _people_scope_needed(actor=actor, action=action, target=target)
    request = current_request()
    act = AuditedAction(target)
    try:
        if only_in_session:
            session_needed(actor, only_in_session)
        if verified and request is not None and actor.via_token is None:
            fresh_needed(request)
        yield act
    except ActionError as error:
        if not error.audited:
            _write(actor, action, act, AuditEntry.Outcome.REFUSED, {"reason": str(error)})
        raise
    except Exception as error:
        _write(actor, action, act, AuditEntry.Outcome.FAILED, {"error": f"{type(error).__name__}: {error}"})
        raise
    _write(actor, action, act, AuditEntry.Outcome.SUCCEEDED, {})


def role_needed(*, actor: User, action: str, target: str, role: Role) -> None:
    """Refuse, with an audit row, what the actor may not do. `audited` begins with it; see managing.py for what asks
    earlier.

    Raises:
        PermissionDenied: the actor's role, or the scope of the token that the actor came with, doesn't include it.
    """
    token = actor.via_token
    if not actor.has_role(role):
        said = {"needs": role.value, "has": actor.effective_role.value}
        _write(actor, action, AuditedAction(target), AuditEntry.Outcome.REFUSED, said)
        limited = f", and the scope of the token is {token.scope}" if token is not None else ""
        raise PermissionDenied(
            f"This action requires the role {role.label.lower()}. "
            f"The role of {actor.get_username()} is {actor.role}{limited}."
        )
    if token is not None and token.scope == Scope.READ:
        said = {"needs": Scope.OPERATE.value, "has": token.scope}
        _write(actor, action, AuditedAction(target), AuditEntry.Outcome.REFUSED, said)
        raise PermissionDenied("This action makes changes, but the scope of the token is read.")


def _people_scope_needed(*, actor: User, action: str, target: str) -> None:
    """Refuse, with an audit row, what could take over an account, to a token that was not granted for it."""
    token = actor.via_token
    if token is not None and token.scope != Scope.PEOPLE:
        said = {"needs": Scope.PEOPLE.value, "has": token.scope}
        _write(actor, action, AuditedAction(target), AuditEntry.Outcome.REFUSED, said)
        raise PermissionDenied(
            f"This action requires a session, or a token with the scope {Scope.PEOPLE}. "
            f"The scope of the token is {token.scope}."
        )


def _write(actor: User, action: str, act: AuditedAction, outcome: AuditEntry.Outcome, more: dict[str, Any]) -> None:
    # Denied and failed actions have changed nothing.
    changed = outcome == AuditEntry.Outcome.SUCCEEDED
    audit_append(
        actor=actor,
        action=action,
        target=act.target,
        outcome=outcome,
        detail={**act.detail, **more},
        before=act.before if changed else None,
        after=act.after if changed else None,
    )


def command_line(name: str) -> User:
    """The actor of what is done with `manage.py`, which needs the data folder's secrets: no person, with every role."""
    return User(username=name, role=Role.ADMIN)


def person_create(*, actor: User, username: str, password: str, role: Role) -> User:
    """Add a user with a password, for programs that set an installation up. `person_invite` needs no password.

    Raises:
        InvalidInputError: the name is not allowed (see names.py), or the password is weak.
        PermissionDenied: the actor is no admin.
    """
    with audited(
        actor=actor, action="person.create", target=normalised(username), role=Role.ADMIN, verified=True
    ) as act:
        act.detail["role"] = role.value
        person = User(username=name_checked(username), role=role)
        password_check(password, person)
        person.set_password(password)
        user_save(person)
        act.changed(None, {"username": person.username, **standing(person)})
        return person


def user_save(user: User) -> None:
    """Add the row of a new user.

    Raises:
        InvalidInputError: somebody else added the name at the same moment.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise InvalidInputError(f"username: {user.username} is taken.", "Choose another name.") from None


def person_change(*, actor: User, person: User, role: Role, active: bool) -> User:
    """Change what a person or a service account may do. The last active admin stays one.

    Another role revokes the person's open links. Deactivation ends everything that the person could act by, at once:
    sessions and what is open through them, tokens, links, and what runs by itself in the person's name (see
    signals.py). Activation brings none of it back.

    Raises:
        ActionError: it would leave nobody who can manage people.
    """
    who = person.get_username()
    acts = audited(actor=actor, action="person.change", target=who, role=Role.ADMIN, verified=True)
    with acts as act, transaction.atomic():
        before = keep_an_admin(person, stays_admin=role == Role.ADMIN and active)
        person.role, person.is_active = role, active
        person.save(update_fields=["role", "is_active"])
        act.changed(before, standing(person))
        if not active:
            act.detail.update(_everything_ended(person))
        elif before["role"] != role and (revoked := links_revoke(person)):
            act.detail["links_revoked"] = revoked
    return person


def keep_an_admin(person: User, *, stays_admin: bool) -> dict[str, Any]:
    """Within a transaction: lock the person's row and hold that somebody can manage people when it has been changed.

    Returns: what the person may do until then, for the audit.

    Raises:
        ActionError: the person is the only active admin and would be none.
    """
    # Whoever uses a link of the person waits for this row, and so do two admins who deactivate each other.
    locked = User.objects.select_for_update(no_key=True).order_by("pk")
    admins = Q(role=Role.ADMIN, is_active=True, kind=Kind.PERSON)
    rows = {row.pk: row for row in locked.filter(admins | Q(pk=person.pk))}
    left = {row.pk for row in rows.values() if row.role == Role.ADMIN and row.is_active and not row.is_service}
    if not stays_admin and left == {person.pk}:
        raise ActionError(f"{person.get_username()} is the only admin.", "Make another user an admin first.")
    return standing(rows[person.pk])


def standing(person: User) -> dict[str, Any]:
    """What a person may do, for the audit."""
    return {"role": str(person.role), "active": person.is_active}


def _everything_ended(person: User) -> dict[str, int]:
    """End all that a person could act by; says how many of each for the audit, without the zeros of other rooms."""
    ended = {**signed_out(person), "links_revoked": links_revoke(person)}
    counts: Any
    for _, counts in person_deactivated.send(sender=User, person=person):
        ended.update({what: count for what, count in counts.items() if count})
    return ended


def signed_out(person: User, *, keep_session: str = "") -> dict[str, int]:
    """End the person's sessions but one, and all of their tokens, for good; says how many for the audit."""
    revoked = ApiToken.objects.filter(owner=person, revoked_at=None).update(revoked_at=timezone.now())
    return {"tokens_revoked": revoked, "sessions_ended": sessions_end(person, keep=keep_session)}


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
    with audited(
        actor=actor, action=action, target=who, role=Role.VIEWER, only_in_session="Changing a password"
    ) as act:
        if not actor.has_usable_password():
            raise InvalidInputError("current password: you have no password.", "Ask an admin for a reset link.")
        password_check(password, actor)
        with password_attempt(name=who, address=address, action=action) as attempt:
            # Hashing is slow, and other requests need the connection.
            give_back_connections()
            attempt.succeeded = actor.check_password(current)
        if not attempt.succeeded:
            raise InvalidInputError("current password: incorrect.", "Enter the password that you sign in with.")
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
    with audited(actor=actor, action="person.change-time-zone", target=actor.get_username(), role=Role.VIEWER) as act:
        if time_zone not in time_zones():
            raise InvalidInputError(
                f"time zone: {shortened(time_zone, 64)!r} does not exist.",
                "Choose a time zone such as Europe/Berlin or UTC.",
            )
        act.changed({"time_zone": actor.time_zone}, {"time_zone": time_zone})
        actor.time_zone = time_zone
        actor.save(update_fields=["time_zone"])


@transaction.atomic
def _password_set(person: User, password: str, *, keep_session: str = "") -> dict[str, int]:
    person.set_password(password)
    person.save(update_fields=["password"])
    # A link that was made for the old password must not set another one.
    links_revoke(person)
    return signed_out(person, keep_session=keep_session)


def session_needed(actor: User, what: str) -> None:
    """Refuse what no token may do.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    if actor.via_token is not None:
        raise SessionNeededError(what)


def password_check(password: str, person: User) -> None:
    """Hold a new password to the rules of `settings.AUTH_PASSWORD_VALIDATORS`.

    Raises:
        InvalidInputError: it breaks one; the message says which.
    """
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInputError(f"password: {' '.join(error.messages)}") from error


def token_digest(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_create(
    *, actor: User, name: str, scope: Scope | None = None, days: int = TOKEN_DAYS, owner: User | None = None
) -> tuple[ApiToken, str]:
    """Create a bearer token; its text is given back here and nowhere else.

    Args:
        scope: the most that the token may do; by default what its owner may, without managing users.
        days: after so many days it expires, 1 to 365.
        owner: by default the actor. A service account gets its tokens from an admin, or from the operator who owns it.

    Raises:
        InvalidInputError: the name is empty, too long, or names another valid token of the owner; the scope is more
            than the owner's role; the days are out of bounds.
        ActionError: the owner is another person, is deactivated or orphaned, or has as many tokens as allowed.
        SessionNeededError: the actor came with a token.
        VerificationNeededError: the scope is `people`, and the actor has not verified recently.
    """
    name, owner = normal_name(name), owner or actor
    with audited(
        actor=actor,
        action="token.create",
        target=name,
        role=_needed_for_tokens_of(owner, actor),
        verified=scope == Scope.PEOPLE,
        only_in_session="Creating a token",
    ) as act:
        if owner != actor:
            act.detail["owner"] = owner.get_username()
            _may_get_tokens(owner)
        if not 1 <= len(name) <= LONGEST_TOKEN_NAME:
            raise InvalidInputError(
                f"name: must have 1 to {LONGEST_TOKEN_NAME} characters, has {len(name)}.",
                "Use the name of the program that uses the token, for example.",
            )
        if hidden := hidden_in(name):
            raise InvalidInputError(f"name: contains invisible characters: {hidden}.", "Remove them.")
        if not 1 <= days <= TOKEN_DAYS_AT_MOST:
            raise InvalidInputError(
                f"days: must be 1 to {TOKEN_DAYS_AT_MOST}, is {days}.", "Choose a value in this range."
            )
        most = owner.effective_role
        possible = Scope.within(most)
        scope = scope or Scope.default(most)
        if scope not in possible:
            raise InvalidInputError(f"scope: {scope} exceeds the role {most}.", f"Choose one of {', '.join(possible)}.")
        act.detail.update(scope=scope.value, days=days)
        text = f"lh_{secrets.token_urlsafe(32)}"
        with transaction.atomic():
            # The owner's row is the lock: a form sent twice makes one token, and none is made during deactivation.
            if not User.objects.select_for_update(no_key=True).get(pk=owner.pk).is_active:
                raise ActionError(f"{owner.get_username()} is deactivated.", "Activate the account first.")
            valid = valid_tokens().filter(owner=owner)
            if valid.filter(name=name).exists():
                have = "you have" if owner == actor else f"{owner.get_username()} has"
                raise InvalidInputError(
                    f"name: {have} a valid token named {name}.", "Revoke it first, or choose another name."
                )
            if valid.count() >= VALID_TOKENS_AT_MOST:
                have = "You have" if owner == actor else f"{owner.get_username()} has"
                raise ActionError(
                    f"{have} reached the limit of {VALID_TOKENS_AT_MOST} valid tokens.", "Revoke an unused token."
                )
            row = ApiToken.objects.create(
                owner=owner,
                name=name,
                digest=token_digest(text),
                hint=text[:8],
                scope=scope,
                expires_at=timezone.now() + timedelta(days=days),
            )
        act.changed(None, token_state(row))
        return row, text


def token_revoke(*, actor: User, token: ApiToken) -> None:
    """End a token. An admin may end anybody's, the owner of a service account those of the account.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    with audited(
        actor=actor,
        action="token.revoke",
        target=str(token),
        role=_needed_for_tokens_of(token.owner, actor),
        only_in_session="Revoking a token",
    ) as act:
        before = token_state(token)
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            token.refresh_from_db()
            act.changed(before, token_state(token))


def token_state(token: ApiToken) -> dict[str, Any]:
    """A token for the audit, without its text and digest."""
    return {
        "owner": token.owner.get_username(),
        "name": token.name,
        "hint": token.hint,
        "scope": str(token.scope),
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }


def _needed_for_tokens_of(owner: User, actor: User) -> Role:
    """The role that managing somebody's tokens needs."""
    if owner.pk is not None and owner.pk == actor.pk:
        return Role.VIEWER
    own_account = owner.is_service and owner.service_owner_id is not None and owner.service_owner_id == actor.pk
    return Role.OPERATOR if own_account else Role.ADMIN


def _may_get_tokens(owner: User) -> None:
    who = owner.get_username()
    if not owner.is_service:
        raise ActionError(f"{who} is a user and creates their own tokens.", "Create a service account for a program.")
    if owner.is_orphaned:
        raise ActionError(f"The service account {who} has no active owner.", "Choose another owner first.")


def session_end(*, actor: User, session: UserSession) -> None:
    """End one session. An admin may end anybody's.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    owner = session.user.get_username() if session.user else "nobody"
    needed = Role.VIEWER if session.user_id == actor.pk else Role.ADMIN
    with audited(
        actor=actor,
        action="session.end",
        target=owner,
        role=needed,
        verified=True,
        only_in_session="Ending a session",
    ) as act:
        act.detail["session"] = str(session.public_id)
        session.delete()
        act.changed({"session": session.public_id, "browser": session.browser, "began": session.created_at}, None)


def all_sessions_end(*, actor: User, person: User) -> None:
    """Sign a person out everywhere. An admin may do so to anybody.

    Raises:
        SessionNeededError: the actor came with a token.
    """
    needed = Role.VIEWER if person.pk == actor.pk else Role.ADMIN
    with audited(
        actor=actor,
        action="session.end-all",
        target=person.get_username(),
        role=needed,
        verified=True,
        only_in_session="Ending sessions",
    ) as act:
        ended = sessions_end(person)
        act.changed({"sessions": ended}, {"sessions": 0})


def purge_expired() -> None:
    """Delete sessions that have ended, counters of attempts whose window is over, and links that ended long ago."""
    now = timezone.now()
    UserSession.objects.filter(expire_date__lte=now).delete()
    AttemptCounter.objects.filter(window_ends__lte=now).delete()
    links_purge(now)
