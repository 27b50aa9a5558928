"""Sign-in, sign-out and changing one's own password: everything that verifies a password and is throttled."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.invitations import link_use
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.names import person_named
from controlplane.accounts.requests import client_address
from controlplane.accounts.roles import Role
from controlplane.accounts.second_factor import passkeys
from controlplane.accounts.second_factor.factors import Kind, has_second_factor
from controlplane.accounts.second_factor.freshness import verified_now
from controlplane.accounts.second_factor.half_way import half_way_begin, half_way_end
from controlplane.accounts.second_factor.verifying import code_verify
from controlplane.accounts.services import password_change
from controlplane.accounts.sessions import ADDRESS, USER_AGENT, sessions_bound
from controlplane.accounts.single_sign_on.configuration import EVERYONE
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import (
    FORGOTTEN,
    attempt_audited,
    link_attempt,
    passkey_sign_in_give_back,
    passkey_sign_in_reserve,
    password_attempt,
)
from controlplane.enqueue import enqueue_on_commit
from controlplane.errors import ActionError, InvalidInputError
from controlplane.web.database import give_back_connections

SIGN_IN, FORGOT = "person.sign-in", "person.forgot-password"


class SignInRefusedError(ActionError):
    """Wrong name or password."""

    code = "unauthenticated"
    status = 401


def person_sign_in(request: HttpRequest, *, username: str, password: str) -> bool:
    """Begin a session, or the half of a sign-in (half_way.py) of a person with a second factor.

    Returns:
        Whether the session has begun; False when the second factor is still awaited.

    Raises:
        SignInRefusedError: the name and password don't go together, the person is deactivated, or passwords are for
            admins and the person is none. The answer does not say which, so that nobody can try passwords by it.
        TooManyAttemptsError: it was tried too often lately; the password isn't even looked at.
    """
    address = client_address(request)
    with password_attempt(name=username, address=address, action=SIGN_IN) as attempt:
        user = authenticate(request, username=username, password=password)
        attempt.succeeded = isinstance(user, User) and _may_use_a_password(user)
    if not isinstance(user, User):
        attempt_audited(name=username, action=SIGN_IN, outcome=AuditEntry.Outcome.FAILED)
        raise _refused()
    if not attempt.succeeded:
        reason = "passwords are for admins (PASSWORD_SIGN_IN)"
        attempt_audited(name=username, action=SIGN_IN, outcome=AuditEntry.Outcome.REFUSED, reason=reason)
        raise _refused()
    return _begun(request, user)


def _begun(request: HttpRequest, person: User) -> bool:
    """Begin the session of a person who has given the password, or the half of a sign-in where a factor is awaited."""
    if has_second_factor(person):
        half_way_begin(request, person)
        return False
    session_begin(request, person)
    return True


def session_begin(request: HttpRequest, user: User, *, kept: Mapping[str, Any] | None = None, **detail: Any) -> None:
    """Begin the session of a user who has completed the sign-in. Every session begins here.

    Args:
        kept: what the session holds of how it has begun.
        detail: what the audit keeps of how it was shown.
    """
    half_way_end(request)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[ADDRESS] = client_address(request) or None
    request.session[USER_AGENT] = shortened(request.headers.get("User-Agent", ""), 255)
    request.session.update(dict(kept or {}))
    sessions_bound(user, keep=request.session.session_key or "")
    verified_now(request)
    attempt_audited(name=user.get_username(), action=SIGN_IN, outcome=AuditEntry.Outcome.SUCCEEDED, **detail)


def second_step_by_code(request: HttpRequest, *, person: User, code: str) -> str:
    """Begin the session of a person who is half-way signed in, by a code of their second factor or a recovery code.

    Returns:
        Which of them it was.

    Raises:
        WrongCodeError: the code is wrong, or was used before.
        TooManyAttemptsError: it was tried too often lately; the code isn't even looked at.
    """
    method = code_verify(person=person, code=code, address=client_address(request), action=SIGN_IN)
    _second_step_done(request, person, method)
    return method


def second_step_by_passkey(request: HttpRequest, *, person: User, answer: str) -> None:
    """Begin the session of a person who is half-way signed in, by one of their passkeys.

    Raises:
        PasskeyRefusedError: the browser's answer doesn't verify.
    """
    _passkey_accepted(request, person, answer)
    _second_step_done(request, person, Kind.PASSKEY.value)


def _second_step_done(request: HttpRequest, person: User, method: str) -> None:
    first = half_way_end(request)
    session_begin(request, person, kept=first.get("kept"), **first.get("detail", {}), second_factor=method)


def passkey_sign_in_begin(request: HttpRequest) -> dict[str, Any]:
    """What the browser is asked for a sign-in by passkey alone.

    Raises:
        PasskeysUnavailableError: the address can't have passkeys.
        TooManyAttemptsError: the client's address has begun too many lately.
    """
    passkey_sign_in_reserve(address=client_address(request), action=SIGN_IN)
    return passkeys.authentication_begin(request, None)


def passkey_sign_in(request: HttpRequest, *, answer: str) -> None:
    """Begin a session by a passkey alone: it is on the person's device, and the device has verified the person.

    Raises:
        PasskeyRefusedError: the browser's answer doesn't verify, or the person is deactivated.
    """
    person = _passkey_accepted(request, None, answer)
    passkey_sign_in_give_back(address=client_address(request))
    session_begin(request, person, passkey="alone")


def _passkey_accepted(request: HttpRequest, person: User | None, answer: str) -> User:
    try:
        found, _ = passkeys.authentication_complete(request, person, answer)
        if not found.is_active:
            raise passkeys.PasskeyRefusedError
    except passkeys.PasskeyRefusedError:
        attempt_audited(
            name=person.get_username() if person else "",
            action=SIGN_IN,
            outcome=AuditEntry.Outcome.FAILED,
            second_factor=Kind.PASSKEY.value,
        )
        raise
    return found


def _may_use_a_password(person: User) -> bool:
    return settings.PASSWORD_SIGN_IN == EVERYONE or person.role == Role.ADMIN


def _refused() -> SignInRefusedError:
    remedy = "Check both. The password is case-sensitive."
    if settings.PASSWORD_SIGN_IN != EVERYONE and settings.SINGLE_SIGN_ON is not None:
        remedy += (
            f" Only admins can sign in with a password. All other users sign in with {settings.SINGLE_SIGN_ON.name}."
        )
    return SignInRefusedError("Incorrect username or password.", remedy)


def account_link_use(request: HttpRequest, *, code: str, password: str) -> bool:
    """Choose a password with an invitation or a reset link, and begin a session as with that password.

    Returns:
        Whether the session has begun; False when the second factor is still awaited.

    Raises:
        LinkNotValidError: the link was used, has expired, was revoked, or never existed.
        InvalidInputError: the password is weak. The link stays open.
        TooManyAttemptsError: this address has tried too often lately.
        SignInRefusedError: passwords are for admins, and the person is none. The password is kept.
    """
    address = client_address(request)
    with link_attempt(address=address) as attempt:
        person = link_use(code=code, password=password)
        attempt.succeeded = True
    if not _may_use_a_password(person):
        raise _refused()
    return _begun(request, person)


def forgotten_password(request: HttpRequest, *, username: str) -> None:
    """Have a reset link mailed to the person of this name. Nothing tells the caller whether there is one: the same is
    done for every name, and a worker finds out whether anything has to be mailed.

    Raises:
        TooManyAttemptsError: it was asked for, or passwords were tried, too often lately.
    """
    from controlplane.accounts.tasks import send_reset_link

    address = client_address(request)
    with password_attempt(name=username, address=address, action=FORGOT, tried=FORGOTTEN):
        person = person_named(username)
        attempt_audited(name=username, action=FORGOT, outcome=AuditEntry.Outcome.SUCCEEDED)
        enqueue_on_commit(send_reset_link.s(person.pk if person else 0))


def own_password_verified(request: HttpRequest, *, person: User, password: str, action: str) -> None:
    """Hold that the person who asks knows their password, before `action`.

    Raises:
        TooManyAttemptsError: it was tried too often lately; it isn't even looked at.
        InvalidInputError: it is wrong, or the person has none.
    """
    who, address = person.get_username(), client_address(request)
    with password_attempt(name=who, address=address, action=action) as attempt:
        # Hashing takes a while, and others need the connection.
        give_back_connections()
        attempt.succeeded = person.check_password(password)
    if not attempt.succeeded:
        attempt_audited(name=who, action=action, outcome=AuditEntry.Outcome.FAILED)
        raise InvalidInputError("password: incorrect.", "Enter the password that you sign in with.")


def own_password_change(request: HttpRequest, *, person: User, current: str, password: str) -> None:
    """Change the password of the person who asks. It ends their other sessions, and this one goes on.

    Raises:
        SessionNeededError: the request came with a token.
        TooManyAttemptsError: the current password was tried too often lately; it isn't even looked at.
        InvalidInputError: the current one is wrong, or the new one is weak.
    """
    password_change(
        actor=person,
        current=current,
        password=password,
        address=client_address(request),
        keep_session=request.session.session_key or "",
    )
    update_session_auth_hash(request, person)


def person_sign_out(request: HttpRequest) -> None:
    """End the session."""
    user = request.user
    if isinstance(user, User):
        audit_append(
            actor=user,
            action="person.sign-out",
            target=user.get_username(),
            outcome=AuditEntry.Outcome.SUCCEEDED,
        )
    logout(request)
