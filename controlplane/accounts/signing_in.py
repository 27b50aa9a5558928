"""Signing in and out, and changing one's own password: what verifies a password, and is throttled for it."""

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest

from controlplane.accounts.errors import ActionError, InvalidInputError
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import client_address
from controlplane.accounts.roles import Role
from controlplane.accounts.services import password_change
from controlplane.accounts.sessions import ADDRESS, USER_AGENT
from controlplane.accounts.single_sign_on.configuration import EVERYONE
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import attempt_audited, password_attempt
from controlplane.web.database import give_back_connections

SIGN_IN = "person.sign-in"


class SignInRefusedError(ActionError):
    """Wrong name or password."""

    code = "unauthenticated"
    status = 401


def person_sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Begin a session.

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
        attempt_audited(name=username, address=address, action=SIGN_IN, outcome=AuditEntry.Outcome.FAILED)
        raise _refused()
    if not attempt.succeeded:
        reason = "passwords are for admins (PASSWORD_SIGN_IN)"
        refused = AuditEntry.Outcome.REFUSED
        attempt_audited(name=username, address=address, action=SIGN_IN, outcome=refused, reason=reason)
        raise _refused()
    login(request, user)
    request.session[ADDRESS] = address or None
    request.session[USER_AGENT] = shortened(request.headers.get("User-Agent", ""), 255)
    attempt_audited(name=user.get_username(), address=address, action=SIGN_IN, outcome=AuditEntry.Outcome.SUCCEEDED)
    return user


def _may_use_a_password(person: User) -> bool:
    return settings.PASSWORD_SIGN_IN == EVERYONE or person.role == Role.ADMIN


def _refused() -> SignInRefusedError:
    remedy = "Check both; capitals matter in the password."
    if settings.PASSWORD_SIGN_IN != EVERYONE and settings.SINGLE_SIGN_ON is not None:
        remedy += f" Only admins sign in with a password here: everybody else uses {settings.SINGLE_SIGN_ON.name}."
    return SignInRefusedError("The name or the password is wrong.", remedy)


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
        attempt_audited(name=who, address=address, action=action, outcome=AuditEntry.Outcome.FAILED)
        raise InvalidInputError("password: is wrong.", "Type the one that you sign in with.")


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
