"""Who the provider says somebody is, and which groups it puts them in."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.accounts.single_sign_on.configuration import SingleSignOn

# Longer ones are no names.
LONGEST_CLAIM, MOST_METHODS = 255, 10
# Of the methods of RFC 8176: several factors, a one-time code, and the possession of a key or a card. Biometrics alone
# and codes by phone or mail are not among them.
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "swk", "sc"})
# Said by the signed ID token alone.
SIGNED_ONLY = ("acr", "amr", "auth_time")


@dataclass(frozen=True)
class Identity:
    """A verified person of the provider. Issuer and subject identify them; the username may change.

    `id_token` is kept with the session, as a hint of whom the provider should sign out. `acr` and `amr` are the class
    and the methods of the authentication there, and `authenticated_at` its time in seconds since 1970, as far as the
    provider says them.
    """

    issuer: str
    subject: str
    username: str
    groups: list[str]
    id_token: str = field(repr=False)
    acr: str = ""
    amr: tuple[str, ...] = ()
    authenticated_at: float | None = None

    @property
    def how(self) -> dict[str, Any]:
        """How the person was authenticated there, for the session and the audit; without what is not said."""
        return {**({"acr": self.acr} if self.acr else {}), **({"amr": list(self.amr)} if self.amr else {})}


def identity_of(configuration: SingleSignOn, claims: dict[str, Any], *, id_token: str) -> Identity:
    """The person whom verified claims are about."""
    username = claims.get("preferred_username")
    return Identity(
        issuer=configuration.issuer,
        subject=claims["sub"],
        username=username[:LONGEST_CLAIM] if isinstance(username, str) and username.isprintable() else "",
        groups=groups_in(claims, configuration.roles_claim),
        id_token=id_token,
        acr=acr[:LONGEST_CLAIM] if isinstance(acr := claims.get("acr"), str) and acr.isprintable() else "",
        amr=_methods(claims.get("amr")),
        authenticated_at=at if isinstance(at := claims.get("auth_time"), int | float) else None,
    )


def _methods(said: Any) -> tuple[str, ...]:
    names = [name for name in said if isinstance(name, str) and name.isprintable()] if isinstance(said, list) else []
    return tuple(name[:LONGEST_CLAIM] for name in names[:MOST_METHODS])


def states_second_factor(configuration: SingleSignOn, identity: Identity) -> bool:
    """Whether the provider says that the person has shown more than a password."""
    return identity.acr in configuration.acr_values or bool(SECOND_FACTORS & set(identity.amr))


def claim_at(claims: dict[str, Any], path: str) -> Any:
    """The claim at a dotted path, None if there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def groups_in(claims: dict[str, Any], path: str) -> list[str]:
    """The groups at a dotted path of the claims: a list of texts, or one text. A claim of just that name comes first.

    >>> groups_in({"realm_access": {"roles": ["staff", 1]}}, "realm_access.roles")
    ['staff']
    >>> groups_in({"https://lake.example/groups": "staff"}, "https://lake.example/groups")
    ['staff']
    """
    found = claim_at(claims, path)
    if isinstance(found, str):
        return [found]
    return [group for group in found if isinstance(group, str)] if isinstance(found, list) else []
