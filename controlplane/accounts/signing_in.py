"""Signing in and out, and changing one's own password: what verifies a password, and is throttled for it."""

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest

from controlplane.accounts.errors import ActionError
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import client_address
from controlplane.accounts.second_factor import passkeys
from controlplane.accounts.second_factor.factors import Kind, has_second_factor
from controlplane.accounts.second_factor.freshness import verified_now
from controlplane.accounts.second_factor.half_way import half_way_begin, half_way_end
from controlplane.accounts.second_factor.verifying import code_verify
from controlplane.accounts.services import password_change
from controlplane.accounts.sessions import ADDRESS, USER_AGENT
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import (
    attempt_audited,
    passkey_sign_in_give_back,
    passkey_sign_in_reserve,
    password_attempt,
)

SIGN_IN = "person.sign-in"


class SignInRefusedError(ActionError):
    """Wrong name or password."""

    code = "unauthenticated"
    status = 401


def person_sign_in(request: HttpRequest, *, username: str, password: str) -> bool:
    """Begin a session, or the half of a sign-in (half_way.py) of a person with a second factor.

    Returns:
        Whether the session has begun; False when the second factor is still awaited.

    Raises:
        SignInRefusedError: the name and password don't go together, or the person is deactivated.
        TooManyAttemptsError: it was tried too often lately; the password isn't even looked at.
    """
    address = client_address(request)
    with password_attempt(name=username, address=address, action=SIGN_IN) as attempt:
        user = authenticate(request, username=username, password=password)
        attempt.succeeded = isinstance(user, User)
    if not isinstance(user, User):
        attempt_audited(name=username, address=address, action=SIGN_IN, outcome=AuditEntry.Outcome.FAILED)
        raise SignInRefusedError("The name or the password is wrong.", "Check both; capitals matter in the password.")
    if has_second_factor(user):
        half_way_begin(request, user)
        return False
    session_begin(request, user)
    return True


def session_begin(request: HttpRequest, user: User, **detail: str) -> None:
    """Begin the session of a person who has shown everything that signing in takes.

    Args:
        detail: what the audit keeps of how it was shown.
    """
    address = client_address(request)
    half_way_end(request)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session[ADDRESS] = address or None
    request.session[USER_AGENT] = shortened(request.headers.get("User-Agent", ""), 255)
    verified_now(request)
    attempt_audited(
        name=user.get_username(), address=address, action=SIGN_IN, outcome=AuditEntry.Outcome.SUCCEEDED, **detail
    )


def second_step_by_code(request: HttpRequest, *, person: User, code: str) -> str:
    """Begin the session of a person who is half-way signed in, by a code of their second factor or a recovery code.

    Returns:
        Which of them it was.

    Raises:
        WrongCodeError: the code is wrong, or was used before.
        TooManyAttemptsError: it was tried too often lately; the code isn't even looked at.
    """
    method = code_verify(person=person, code=code, address=client_address(request), action=SIGN_IN)
    session_begin(request, person, second_factor=method)
    return method


def second_step_by_passkey(request: HttpRequest, *, person: User, answer: str) -> None:
    """Begin the session of a person who is half-way signed in, by one of their passkeys.

    Raises:
        PasskeyRefusedError: the browser's answer doesn't verify.
    """
    _passkey_accepted(request, person, answer)
    session_begin(request, person, second_factor=Kind.PASSKEY.value)


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
            address=client_address(request),
            action=SIGN_IN,
            outcome=AuditEntry.Outcome.FAILED,
            second_factor=Kind.PASSKEY.value,
        )
        raise
    return found


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
        AuditEntry.objects.create(
            actor=user,
            actor_name=user.get_username(),
            action="person.sign-out",
            target=user.get_username(),
            outcome=AuditEntry.Outcome.SUCCEEDED,
        )
    logout(request)
