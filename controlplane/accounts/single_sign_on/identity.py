"""Who the provider says somebody is, and which groups it puts them in."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.accounts.single_sign_on.configuration import SingleSignOn

# Longer ones are no names.
LONGEST_CLAIM = 255


@dataclass(frozen=True)
class Identity:
    """A verified person of the provider. Issuer and subject identify them; the username may change.

    `id_token` is kept with the session, as a hint of whom the provider should sign out.
    """

    issuer: str
    subject: str
    username: str
    groups: list[str]
    id_token: str = field(repr=False)


def identity_of(configuration: SingleSignOn, claims: dict[str, Any], *, id_token: str) -> Identity:
    """The person whom verified claims are about."""
    username = claims.get("preferred_username")
    return Identity(
        issuer=configuration.issuer,
        subject=claims["sub"],
        username=username[:LONGEST_CLAIM] if isinstance(username, str) and username.isprintable() else "",
        groups=groups_in(claims, configuration.roles_claim),
        id_token=id_token,
    )


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
