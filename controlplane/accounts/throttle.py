"""How often passwords and codes may be tried. Whatever verifies a password does so within `password_attempt`, and
whatever verifies a code of a second factor within `second_factor_attempt`.

An attempt is reserved before the password is verified, in the counters of its subjects: the name from this address, the
name from anywhere, and the address. A counter is a row that one conditional upsert raises, so PostgreSQL's row lock
decides which of many simultaneous attempts are the allowed ones: no number of parallel requests gets more verifications
than the limit.

django-axes was tried for this and is not used: it asks whether an attempt is allowed, lets the password be verified and
counts the failure afterwards, so that every attempt that starts before the first one fails is allowed.

The limit of a name from anywhere also stops a guesser with many addresses, at the price that such a guesser can keep
the name's owner from signing in while the guessing lasts. Sessions and tokens that exist are not affected.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from controlplane.accounts.auditing.writing import audit_append
from controlplane.accounts.models import AttemptCounter, AuditEntry, User
from controlplane.accounts.names import normalised, person_named
from controlplane.errors import ActionError

WINDOW = timedelta(minutes=5)
ATTEMPTS_BY_NAME_AND_ADDRESS = 5
ATTEMPTS_BY_NAME = 20
# People behind one address share this one.
ATTEMPTS_BY_ADDRESS = 30
# Links of accounts that did not work, or passwords that were too weak for one.
LINKS_BY_ADDRESS = 30
# A code has six digits, and three codes are right at any moment: 50 attempts per day guess one once in 6,700 days.
# Only somebody who has the password can use these attempts up.
CODES_BY_DAY = 50
DAY = timedelta(days=1)
# More than a column of attempts is asked to count.
NO_LIMIT = 2**31 - 1
USE_LINK = "person.use-link"

# The audit gets a row at the first refused attempt of a window and then at every tenfold number of them, so that a
# guesser is seen with the size of the attack and can't fill the audit.
_AUDITED_AT = frozenset(10**power for power in range(10))

_RESERVE = """
INSERT INTO accounts_attemptcounter AS kept (subject, window_ends, attempts, refused)
VALUES (%(subject)s, %(now)s + %(window)s, 1, 0)
ON CONFLICT (subject) DO UPDATE SET
    window_ends = CASE WHEN kept.window_ends <= %(now)s THEN excluded.window_ends ELSE kept.window_ends END,
    attempts = CASE WHEN kept.window_ends <= %(now)s THEN 1 ELSE kept.attempts + 1 END,
    refused = CASE WHEN kept.window_ends <= %(now)s THEN 0 ELSE kept.refused END
WHERE kept.window_ends <= %(now)s OR kept.attempts < %(allowed)s
RETURNING attempts
"""


class TooManyAttemptsError(ActionError):
    """Passwords or codes were tried too often lately; this one was not verified."""

    code = "too_many_attempts"
    status = 429
    # The throttle writes its own audit rows, which are bounded.
    audited = True

    def __init__(self, again_at: datetime, tried: "Tried | None" = None) -> None:
        tried = tried or PASSWORD
        self.retry_after = max(1, round((again_at - timezone.now()).total_seconds()))
        minutes = max(1, -(-self.retry_after // 60))
        number, unit = (minutes, "minute") if minutes <= 90 else (-(-minutes // 60), "hour")
        wait = f"{number} {unit if number == 1 else unit + 's'}"
        super().__init__(f"{tried.refusal}: too many attempts.", f"Try again in {wait}{tried.or_else}.")


@dataclass(frozen=True)
class Tried:
    """What an attempt gives, in the words of a refusal."""

    refusal: str
    or_else: str = ""


PASSWORD = Tried("The password was not verified", ", or ask an admin for a reset link")
FORGOTTEN = Tried("The request was not accepted", ", or ask an admin for a reset link")
CODE = Tried("The code was not verified", ", sign in with a passkey, or ask an admin to reset your second factor")
PASSKEY = Tried("The passkey was not verified")
LINK = Tried("The link was not verified")


@dataclass
class Attempt:
    """One attempt to give a password. Say `succeeded` when the password was right."""

    succeeded: bool = False


@dataclass(frozen=True)
class _Limit:
    subject: str
    allowed: int
    window: timedelta = WINDOW


class _Exhausted(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, limit: _Limit) -> None:
        self.limit = limit


@contextmanager
def password_attempt(*, name: str, address: str, action: str, tried: Tried = PASSWORD) -> Iterator[Attempt]:
    """Reserve an attempt to verify a password, and give it back when it succeeded.

    Args:
        name: the name as it was typed.
        address: the client's address, from `accounts.requests.client_address`.
        action: what the audit calls what is tried, for example `person.sign-in`.
        tried: what a refusal says.

    Raises:
        TooManyAttemptsError: a limit is reached. The password must not be verified.
    """
    limits = _limits("", name, address)
    with _attempt(limits, tried=tried, name=name, action=action) as attempt:
        yield attempt


@contextmanager
def second_factor_attempt(*, person: User, address: str, action: str) -> Iterator[Attempt]:
    """Reserve an attempt to verify a code of the person's second factor, and give it back when it succeeded.

    Its counters are apart from those of the password: a thief who has the right password can't reset them with it.

    Raises:
        TooManyAttemptsError: a limit is reached. The code must not be verified.
    """
    name = person.get_username()
    by_both, by_name, by_address = _limits("2fa-", name, address)
    by_day = replace(by_name, subject=f"day-{by_name.subject}", allowed=CODES_BY_DAY, window=DAY)
    with _attempt((by_both, by_name, by_address, by_day), tried=CODE, name=name, action=action) as attempt:
        yield attempt


def passkey_sign_in_reserve(*, address: str, action: str) -> None:
    """Reserve the start of a sign-in by passkey, whose user is not known yet.

    A passkey can't be guessed. What is bounded is how many sessions an address may begin in the database.

    Raises:
        TooManyAttemptsError: the limit of the address is reached.
    """
    with _attempt((_passkey_limit(address),), tried=PASSKEY, name="", action=action):
        pass


def passkey_sign_in_give_back(*, address: str) -> None:
    """Give the reservation of a sign-in that succeeded back."""
    subject = _passkey_limit(address).subject
    AttemptCounter.objects.filter(subject=subject, attempts__gt=0).update(attempts=F("attempts") - 1)


def _passkey_limit(address: str) -> _Limit:
    return _Limit(f"passkey-address:{_network(address)}", ATTEMPTS_BY_ADDRESS)


def second_factor_attempts_forget(person: User) -> None:
    """Start the counters of the person's second factor again, for one that is new."""
    _, by_name, _ = _limits("2fa-", person.get_username(), "")
    both = by_name.subject.replace("name:", "both:")
    AttemptCounter.objects.filter(
        Q(subject__in=[by_name.subject, f"day-{by_name.subject}"]) | Q(subject__startswith=f"{both}:")
    ).delete()


@contextmanager
def _attempt(
    limits: tuple[_Limit, ...], *, tried: Tried, name: str, action: str, forgives: bool = True
) -> Iterator[Attempt]:
    """An attempt in every one of `limits`.

    Args:
        forgives: whether a success forgives the failures counted by the first one.
    """
    try:
        with transaction.atomic():
            # In one order for everybody: no two attempts wait for each other's rows.
            for limit in sorted(limits, key=lambda limit: limit.subject):
                _reserve(limit)
    except _Exhausted as exhausted:
        raise _refused(exhausted.limit, tried, name=name, action=action) from None
    attempt = Attempt()
    yield attempt
    if attempt.succeeded:
        if forgives:
            AttemptCounter.objects.filter(subject=limits[0].subject).delete()
        for limit in limits[1:] if forgives else limits:
            AttemptCounter.objects.filter(subject=limit.subject, attempts__gt=0).update(attempts=F("attempts") - 1)


@contextmanager
def link_attempt(*, address: str) -> Iterator[Attempt]:
    """Reserve an attempt to use a link of an account, and give it back when it succeeded.

    Codes can't be guessed; this bounds the work and the audit rows that somebody without one can cause.

    Raises:
        TooManyAttemptsError: the limit of the address is reached. The link must not be looked at.
    """
    limit = _Limit(f"link:{_network(address)}", LINKS_BY_ADDRESS)
    with _attempt((limit,), tried=LINK, name="", action=USE_LINK, forgives=False) as attempt:
        yield attempt


def _limits(kind: str, name: str, address: str) -> tuple[_Limit, _Limit, _Limit]:
    # The table holds no names: people sometimes type their password where the name belongs.
    digest = salted_hmac("controlplane.accounts.throttle", normalised(name).casefold(), algorithm="sha256").hexdigest()
    network = _network(address)
    return (
        _Limit(f"{kind}both:{digest[:32]}:{network}", ATTEMPTS_BY_NAME_AND_ADDRESS),
        _Limit(f"{kind}name:{digest[:32]}", ATTEMPTS_BY_NAME),
        _Limit(f"{kind}address:{network}", ATTEMPTS_BY_ADDRESS),
    )


def _network(address: str) -> str:
    """What counts as one address. A host on the internet gets a whole /64 of IPv6 addresses to choose from."""
    if not address:
        return "unknown"
    known = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((known, 64), strict=False) if known.version == 6 else known)


def _reserve(limit: _Limit) -> int:
    """Count one more; gives how many there are in this window.

    Raises:
        _Exhausted: there are as many as allowed.
    """
    with connection.cursor() as cursor:
        given: dict[str, Any] = {
            "subject": limit.subject,
            "allowed": limit.allowed,
            "now": timezone.now(),
            "window": limit.window,
        }
        cursor.execute(_RESERVE, given)
        counted = cursor.fetchone()
    if counted is None:
        raise _Exhausted(limit)
    return int(counted[0])


def _refused(limit: _Limit, tried: Tried, *, name: str, action: str) -> TooManyAttemptsError:
    with transaction.atomic():
        counter = AttemptCounter.objects.select_for_update().filter(subject=limit.subject).first()
        if counter is None:  # given back or purged meanwhile
            return TooManyAttemptsError(timezone.now(), tried)
        counter.refused += 1
        counter.save(update_fields=["refused"])
    if counter.refused in _AUDITED_AT:
        attempt_audited(
            name=name,
            action=action,
            outcome=AuditEntry.Outcome.REFUSED,
            reason="too many attempts",
            refused_attempts=counter.refused,
        )
    return TooManyAttemptsError(counter.window_ends, tried)


def counted(what: str, address: str) -> int:
    """Count something that needs no password, and say how often it came from this address in the current window."""
    return _reserve(_Limit(f"{what}:{_network(address)}", NO_LIMIT))


def is_audited(number: int) -> bool:
    """Whether the audit gets a row for the refusal of this number in a window."""
    return number in _AUDITED_AT


def attempt_audited(*, name: str, action: str, outcome: AuditEntry.Outcome, **detail: object) -> None:
    """Write the audit row of an attempt to give a password. A name that nobody has is not written down."""
    person = person_named(name)
    audit_append(
        actor=person,
        actor_name="" if person else "nobody",
        action=action,
        target=person.get_username() if person else "an unknown username" if name else "nobody",
        outcome=outcome,
        detail=detail,
    )
