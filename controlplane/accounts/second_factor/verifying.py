"""Verifying a second factor: under the throttle, each code once, and audited when it is wrong."""

from allauth.core.internal.cryptokit import compare_user_code, normalize_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.throttle import attempt_audited, second_factor_attempt
from controlplane.errors import ActionError

RECOVERY_CODE = "recovery code"
_LAST_COUNTER = "last_counter"


class WrongCodeError(ActionError):
    """The code of a second factor is wrong, or was used before."""

    code = "wrong_code"
    status = 401
    audited = True

    def __init__(self) -> None:
        super().__init__(
            "The code is incorrect or was already used.",
            "Wait for the next code of your authenticator app, or use an unused recovery code.",
        )


def code_verify(*, person: User, code: str, address: str, action: str) -> str:
    """Verify a code of the person's authenticator app, or one of their recovery codes, and use it up.

    Returns:
        What it was: `totp` or `recovery code`.

    Raises:
        WrongCodeError: it is neither, or was used before.
        TooManyAttemptsError: it was tried too often lately; the code isn't even looked at.
    """
    with second_factor_attempt(person=person, address=address, action=action) as attempt:
        is_recovery = len(normalize_user_code(code)) == settings.MFA_RECOVERY_CODE_DIGITS
        verify = _recovery_code_used if is_recovery else _totp_used
        attempt.succeeded = verify(person, code)
    method = RECOVERY_CODE if is_recovery else str(Authenticator.Type.TOTP)
    if not attempt.succeeded:
        attempt_audited(
            name=person.get_username(),
            action=action,
            outcome=AuditEntry.Outcome.FAILED,
            second_factor=method,
        )
        raise WrongCodeError
    return method


def totp_counter(secret: str, code: str, *, after: int = -1) -> int | None:
    """The time step (RFC 6238) whose code this is, if it is a current one later than `after`."""
    for counter in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, counter))
        if counter > after and compare_user_code(actual=code, expected=expected):
            return int(counter)
    return None


def totp_data(encrypted_secret: str, counter: int) -> dict[str, object]:
    """What is stored of an authenticator app: a code up to the time step `counter` is not accepted again.

    allauth remembers used codes in Django's cache, which each process has for itself and loses when it ends. The row is
    the one place that all of them see.
    """
    return {"secret": encrypted_secret, _LAST_COUNTER: counter}


@transaction.atomic
def _totp_used(person: User, code: str) -> bool:
    row = Authenticator.objects.select_for_update().filter(user=person, type=Authenticator.Type.TOTP).first()
    if row is None:
        return False
    counter = totp_counter(decrypt(row.data["secret"]), code, after=row.data.get(_LAST_COUNTER, -1))
    if counter is None:
        return False
    row.data = totp_data(row.data["secret"], counter)
    row.last_used_at = timezone.now()
    row.save(update_fields=["data", "last_used_at"])
    return True


@transaction.atomic
def _recovery_code_used(person: User, code: str) -> bool:
    row = Authenticator.objects.filter(user=person, type=Authenticator.Type.RECOVERY_CODES).first()
    # allauth locks the row, so that of two that come at once one is right.
    if row is None or not RecoveryCodes(row).validate_code(code):
        return False
    Authenticator.objects.filter(pk=row.pk).update(last_used_at=timezone.now())
    return True
