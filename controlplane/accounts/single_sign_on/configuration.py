"""The variables of single sign-on, read and checked. It knows no Django models: the settings are made with it."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from controlplane.accounts.roles import Role

DEFAULT_NAME, DEFAULT_ROLES_CLAIM, DEFAULT_SCOPES = "single sign-on", "groups", "openid profile"
# Who may sign in with a password: the values of PASSWORD_SIGN_IN.
EVERYONE, ADMINS = "everyone", "admins"
# What the columns of allauth's tables hold.
LONGEST_ISSUER, LONGEST_NAME = 200, 40


@dataclass(frozen=True)
class SingleSignOn:
    """One provider, and what its people may do here.

    `role_map` gives the role of a group; `default_role` is the role of people without such a group, None for none.
    `acr_values` are the classes of authentication that are asked for, each of which includes a second factor.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    roles_claim: str
    role_map: Mapping[str, Role]
    default_role: Role | None
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...] = ()

    def role_for(self, groups: list[str]) -> Role | None:
        """The highest role that the groups give, or None if they give none."""
        given = {self.role_map[group] for group in groups if group in self.role_map}
        return max(given, key=list(Role).index) if given else self.default_role


def single_sign_on(variables: Mapping[str, str]) -> SingleSignOn | None:
    """What the variables OIDC_… configure, None without an issuer.

    Raises:
        ImproperlyConfigured: half of it is missing, or a value can't be used. It names the variable.
    """
    said = {name: value.strip() for name, value in variables.items() if value.strip()}
    if "OIDC_ISSUER" not in said:
        if said:
            raise ImproperlyConfigured(
                f"{', '.join(sorted(said))} {'is' if len(said) == 1 else 'are'} set, but OIDC_ISSUER is not. Set "
                "OIDC_ISSUER to the provider's issuer, or unset all of them to disable single sign-on."
            )
        return None
    for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        if name not in said:
            raise ImproperlyConfigured(
                f"OIDC_ISSUER is set, but {name} is not. Set it to the provider's value for this client."
            )
    role_map = _role_map(said.get("OIDC_ROLE_MAP", ""))
    default_role = _role("OIDC_DEFAULT_ROLE", said["OIDC_DEFAULT_ROLE"]) if "OIDC_DEFAULT_ROLE" in said else None
    if not role_map and default_role is None:
        raise ImproperlyConfigured(
            "OIDC_ISSUER is set, but neither OIDC_ROLE_MAP nor OIDC_DEFAULT_ROLE: no user could sign in with it. Set "
            "OIDC_ROLE_MAP, for example to lakehouse-admins=admin,staff=viewer."
        )
    return SingleSignOn(
        issuer=_issuer(said["OIDC_ISSUER"]),
        client_id=said["OIDC_CLIENT_ID"],
        client_secret=said["OIDC_CLIENT_SECRET"],
        name=_name(said.get("OIDC_NAME", DEFAULT_NAME)),
        roles_claim=said.get("OIDC_ROLES_CLAIM", DEFAULT_ROLES_CLAIM),
        role_map=role_map,
        default_role=default_role,
        scopes=_scopes(said.get("OIDC_SCOPES", DEFAULT_SCOPES)),
        acr_values=tuple(dict.fromkeys(said.get("OIDC_ACR_VALUES", "").replace(",", " ").split())),
    )


def password_sign_in(text: str, configured: SingleSignOn | None) -> str:
    """Who may sign in with a password: EVERYONE or ADMINS.

    Raises:
        ImproperlyConfigured: the text is neither, or nobody but admins could sign in.
    """
    wanted = text.strip() or EVERYONE
    if wanted not in (EVERYONE, ADMINS):
        raise ImproperlyConfigured(f"PASSWORD_SIGN_IN must be {EVERYONE} or {ADMINS}, not {wanted!r}.")
    if wanted == ADMINS and configured is None:
        raise ImproperlyConfigured(
            "PASSWORD_SIGN_IN is admins, but OIDC_ISSUER is not set: other users could not sign in. Set OIDC_ISSUER, "
            "or set PASSWORD_SIGN_IN to everyone."
        )
    return wanted


def is_safe_address(address: str) -> bool:
    """Whether an address of the provider may be used: https, or http on this machine.

    >>> is_safe_address("https://id.example/"), is_safe_address("http://127.0.0.1:8080"), is_safe_address("http://id.example")
    (True, True, False)
    """
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _issuer(text: str) -> str:
    if len(text) > LONGEST_ISSUER:
        raise ImproperlyConfigured(f"OIDC_ISSUER has {len(text)} characters; the limit is {LONGEST_ISSUER}.")
    if not is_safe_address(text):
        raise ImproperlyConfigured(
            f"OIDC_ISSUER must start with https://, not {text!r}. http is only allowed for a provider on this machine."
        )
    parts = urlsplit(text)
    if parts.query or parts.fragment or "/.well-known/" in text:
        raise ImproperlyConfigured(
            f"OIDC_ISSUER must be the issuer without /.well-known/…, query or fragment, not {text!r}."
        )
    return text


def _name(text: str) -> str:
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise ImproperlyConfigured(f"OIDC_NAME must have 1 to {LONGEST_NAME} printable characters, not {text!r}.")
    return text


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if "openid" not in scopes:
        raise ImproperlyConfigured(f"OIDC_SCOPES must contain openid, not {text!r}.")
    return scopes


def _role_map(text: str) -> dict[str, Role]:
    """`group=role` entries, comma-separated; a group's name may contain `=`."""
    found: dict[str, Role] = {}
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        group, separator, role = (part.strip() for part in entry.rpartition("="))
        if not separator or not group:
            raise ImproperlyConfigured(
                f"OIDC_ROLE_MAP must have comma-separated entries such as lakehouse-admins=admin, not {entry!r}."
            )
        if group in found:
            raise ImproperlyConfigured(f"OIDC_ROLE_MAP contains the group {group!r} twice. Keep one entry.")
        found[group] = _role("OIDC_ROLE_MAP", role)
    return found


def _role(variable: str, text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise ImproperlyConfigured(f"{variable}: the role must be one of {', '.join(Role)}, not {text!r}.") from None
