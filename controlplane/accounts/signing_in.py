"""Signing in and out, and changing one's own password: what verifies a password, and is throttled for it."""

from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.errors import ActionError
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import client_address
from controlplane.accounts.services import password_change
from controlplane.accounts.sessions import ADDRESS, USER_AGENT
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import attempt_audited, password_attempt

SIGN_IN = "person.sign-in"


class SignInRefusedError(ActionError):
    """Wrong name or password."""

    code = "unauthenticated"
    status = 401


def person_sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Begin a session.

    Raises:
        SignInRefusedError: the name and password don't go together, or the person is deactivated.
        TooManyAttemptsError: it was tried too often lately; the password isn't even looked at.
    """
    address = client_address(request)
    with password_attempt(name=username, address=address, action=SIGN_IN) as attempt:
        user = authenticate(request, username=username, password=password)
        attempt.succeeded = isinstance(user, User)
    if not isinstance(user, User):
        attempt_audited(name=username, action=SIGN_IN, outcome=AuditEntry.Outcome.FAILED)
        raise SignInRefusedError("The name or the password is wrong.", "Check both; capitals matter in the password.")
    login(request, user)
    request.session[ADDRESS] = address or None
    request.session[USER_AGENT] = shortened(request.headers.get("User-Agent", ""), 255)
    attempt_audited(name=user.get_username(), action=SIGN_IN, outcome=AuditEntry.Outcome.SUCCEEDED)
    return user


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
