"""Reading: which second factors a person has, and who must have one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, TextChoices

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError


class Kind(TextChoices):
    """The kinds of second factor. Recovery codes replace one, but are not a second factor themselves."""

    TOTP = "totp", "Authenticator app"
    PASSKEY = "passkey", "Passkey"


# In a session that single sign-on has begun: whether the provider has stated a second factor.
BY_PROVIDER = "second_factor_by_provider"


class Readable(Protocol):
    """A session of Django, or what one holds."""

    def get(self, key: str, /) -> Any:
        """The value of this key; None if it is missing."""


_KINDS = {Authenticator.Type.TOTP: Kind.TOTP, Authenticator.Type.WEBAUTHN: Kind.PASSKEY}


class SecondFactorNeededError(ActionError):
    """REQUIRE_SECOND_FACTOR asks for a second factor, and the person has none yet."""

    code = "second_factor_needed"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This installation requires two-step verification, which you have not set up yet.",
            "Set it up in Settings, or with POST /api/v1/me/second-factors/totp.",
        )


@dataclass(frozen=True)
class Factor:
    """One second factor of a person, without its secret."""

    id: int
    kind: Kind
    name: str
    created_at: datetime
    last_used_at: datetime | None


def _rows(person: User) -> QuerySet[Authenticator]:
    rows: QuerySet[Authenticator] = Authenticator.objects.filter(user=person, type__in=_KINDS)
    return rows


def second_factors_of(person: User) -> list[Factor]:
    """A person's second factors, the oldest first."""
    return [factor_of(row) for row in _rows(person).order_by("created_at", "pk")]


def factor_of(row: Authenticator) -> Factor:
    """The stored row as pages and the API show it."""
    kind = _KINDS[Authenticator.Type(row.type)]
    name = row.data.get("name") or kind.label
    return Factor(id=row.pk, kind=kind, name=name, created_at=row.created_at, last_used_at=row.last_used_at)


def has_second_factor(person: User) -> bool:
    """Whether signing in as this person takes a second step."""
    return _rows(person).exists()


def with_second_factor(people: QuerySet[User]) -> QuerySet[User]:
    """The people, with `two_step`: whether each has a second factor."""
    rows = Authenticator.objects.filter(user=OuterRef("pk"), type__in=_KINDS)
    return people.annotate(two_step=Exists(rows))


def recovery_codes_left(person: User) -> int | None:
    """How many recovery codes were not used yet; None without any second factor."""
    row = Authenticator.objects.filter(user=person, type=Authenticator.Type.RECOVERY_CODES).first()
    # Counted without the codes, which takes no key.
    return app_settings.RECOVERY_CODE_COUNT - int(row.data["used_mask"]).bit_count() if row is not None else None


def second_factor_required(person: User, session: Readable | None = None) -> bool:
    """Whether REQUIRE_SECOND_FACTOR asks this person for a second factor here.

    Args:
        session: what the person's session holds. Where the provider of single sign-on has stated a second factor for
            it, none is asked for here.
    """
    if session is not None and session.get(BY_PROVIDER):
        return False
    if settings.REQUIRE_SECOND_FACTOR == "admins":
        return person.role == Role.ADMIN
    return bool(settings.REQUIRE_SECOND_FACTOR == "everyone")


def must_set_up(person: User, session: Readable) -> bool:
    """Whether the person of the session can do nothing before they have set up a second factor."""
    return second_factor_required(person, session) and not has_second_factor(person)
