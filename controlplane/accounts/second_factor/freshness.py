"""The time since the last verification of a session's user."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from controlplane.errors import ActionError

VERIFIED_AT = "verified_at"
VERIFIED_FOR = timedelta(minutes=5)


class VerificationNeededError(ActionError):
    """The last verification is too old for the requested action."""

    code = "verification_needed"
    status = 403
    # Opening a page after a while is nothing that an audit needs to keep.
    audited = True

    def __init__(self) -> None:
        minutes = int(VERIFIED_FOR.total_seconds() // 60)
        super().__init__(
            f"This action requires a verification within the last {minutes} minutes.",
            "Verify with your password, a code or a passkey (POST /api/v1/me/verification), then try again.",
        )


def verified_now(request: HttpRequest) -> None:
    """Note that the person has just given a password or a second factor."""
    request.session[VERIFIED_AT] = timezone.now().timestamp()


def is_fresh(request: HttpRequest) -> bool:
    """Whether the last verification is at most `VERIFIED_FOR` ago."""
    at = request.session.get(VERIFIED_AT)
    return at is not None and timezone.now().timestamp() - at <= VERIFIED_FOR.total_seconds()


def fresh_needed(request: HttpRequest) -> None:
    """Raises VerificationNeededError when the last verification is too long ago."""
    if not is_fresh(request):
        raise VerificationNeededError
