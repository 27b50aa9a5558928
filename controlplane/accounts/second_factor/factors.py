"""Reading: which second factors a person has, and who must have one."""

from dataclasses import dataclass
from datetime import datetime

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, TextChoices

from controlplane.accounts.errors import ActionError
from controlplane.accounts.models import User
from controlplane.accounts.roles import Role


class Kind(TextChoices):
    """What a second factor is. Recovery codes stand in for one and are none by themselves."""

    TOTP = "totp", "Authenticator app"
    PASSKEY = "passkey", "Passkey"


_KINDS = {Authenticator.Type.TOTP: Kind.TOTP, Authenticator.Type.WEBAUTHN: Kind.PASSKEY}


class SecondFactorNeededError(ActionError):
    """REQUIRE_SECOND_FACTOR asks for a second factor, and the person has none yet."""

    code = "second_factor_needed"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This installation requires two-step verification, and you have not set it up.",
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


def second_factor_required(person: User) -> bool:
    """Whether REQUIRE_SECOND_FACTOR asks this person for a second factor.

    It does not where the person has no password: the provider of single sign-on decides what signing in takes there.
    """
    if not person.has_usable_password():
        return False
    if settings.REQUIRE_SECOND_FACTOR == "admins":
        return person.role == Role.ADMIN
    return bool(settings.REQUIRE_SECOND_FACTOR == "everyone")


def must_set_up(person: User) -> bool:
    """Whether the person can do nothing before they have set up a second factor."""
    return second_factor_required(person) and not has_second_factor(person)
