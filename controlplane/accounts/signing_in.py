"""Signing in and out, each with its audit row, and slow for who guesses."""

from datetime import datetime

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest
from django.utils import timezone

from controlplane.accounts.errors import ActionError
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.selectors import SIGN_IN, name_digest, sign_in_allowed_at


class SignInRefusedError(ActionError):
    """Wrong name or password, or too many of them."""

    code = "unauthenticated"
    status = 401


class TooManyAttemptsError(SignInRefusedError):
    code = "too_many_attempts"
    status = 429

    def __init__(self, again_at: datetime) -> None:
        minutes = max(1, round((again_at - timezone.now()).total_seconds() / 60))
        super().__init__(
            "Too many failed attempts.",
            f"Try again in {minutes} {'minute' if minutes == 1 else 'minutes'}, or ask an admin for a new password.",
        )


def person_sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Begin a session.

    Raises:
        SignInRefusedError: the name and password don't go together, or the person is deactivated.
        TooManyAttemptsError: it failed too often lately; the password isn't even looked at.
    """
    username = username.strip()
    address = request.META.get("REMOTE_ADDR", "")
    again_at = sign_in_allowed_at(username=username, address=address)
    if again_at:
        # Not written down: whoever hammers at the door shouldn't fill the audit, nor push the end of the wait away.
        raise TooManyAttemptsError(again_at)
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        known = User.objects.filter(username=username).first()
        _write(known, username, AuditEntry.Outcome.FAILED, address)
        raise SignInRefusedError("The name or the password is wrong.", "Check both; capitals matter.")
    login(request, user)
    _write(user, username, AuditEntry.Outcome.SUCCEEDED, address)
    return user


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


def _write(user: User | None, username: str, outcome: AuditEntry.Outcome, address: str) -> None:
    AuditEntry.objects.create(
        actor=user,
        actor_name=user.get_username() if user else "nobody",
        action=SIGN_IN,
        target=user.get_username() if user else "a name that nobody has",
        outcome=outcome,
        detail={"address": address, "digest": name_digest(username)},
    )
