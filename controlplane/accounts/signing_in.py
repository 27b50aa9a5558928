"""Signing in and out, and changing one's own password: what verifies a password, and is throttled for it."""

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.errors import ActionError
from controlplane.accounts.invitations import link_use
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.names import person_named
from controlplane.accounts.requests import client_address
from controlplane.accounts.services import password_change
from controlplane.accounts.sessions import ADDRESS, USER_AGENT
from controlplane.accounts.text import shortened
from controlplane.accounts.throttle import attempt_audited, link_attempt, password_attempt
from controlplane.nudge import nudge

SIGN_IN, FORGOT = "person.sign-in", "person.forgot-password"


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
    session_begin(request, user)
    attempt_audited(name=user.get_username(), action=SIGN_IN, outcome=AuditEntry.Outcome.SUCCEEDED)
    return user


def session_begin(request: HttpRequest, user: User) -> None:
    """Begin the session of a person who has given the right password, or has chosen one by a link.

    Everybody who signs in comes through here: a further factor is asked for before the session begins.
    """
    login(request, user, backend=getattr(user, "backend", settings.AUTHENTICATION_BACKENDS[0]))
    request.session[ADDRESS] = client_address(request) or None
    request.session[USER_AGENT] = shortened(request.headers.get("User-Agent", ""), 255)


def account_link_use(request: HttpRequest, *, code: str, password: str) -> User:
    """Choose a password with an invitation or a reset link, and begin a session.

    Raises:
        LinkNotValidError: the link was used, has expired, was revoked, or never existed.
        InvalidInputError: the password is weak. The link stays open.
        TooManyAttemptsError: this address has tried too often lately.
    """
    address = client_address(request)
    with link_attempt(address=address) as attempt:
        person = link_use(code=code, password=password)
        attempt.succeeded = True
    session_begin(request, person)
    return person


def forgotten_password(request: HttpRequest, *, username: str) -> None:
    """Have a reset link mailed to the person of this name. Nothing tells the caller whether there is one: the same is
    done for every name, and a worker finds out whether anything has to be mailed.

    Raises:
        TooManyAttemptsError: it was asked for, or passwords were tried, too often lately.
    """
    from controlplane.accounts.tasks import send_reset_link

    address = client_address(request)
    with password_attempt(name=username, address=address, action=FORGOT, what="The request was not accepted"):
        person = person_named(username)
        attempt_audited(name=username, action=FORGOT, outcome=AuditEntry.Outcome.SUCCEEDED)
        nudge(send_reset_link.s(person.pk if person else 0))


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
