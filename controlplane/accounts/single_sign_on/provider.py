"""What the provider publishes about itself: its addresses (OpenID Connect Discovery 1.0) and its keys (JWKS).

Every request to the provider goes through `ProviderSession`: it is bounded in time and size and follows no redirect.
Discovery and keys are cached in each process for ten minutes, so that signing in costs the provider one request.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.core.cache import cache
from jwt import PyJWK, PyJWKSet, PyJWTError

from controlplane.accounts.single_sign_on.configuration import SingleSignOn, is_safe_address
from controlplane.accounts.single_sign_on.errors import ProviderAnswerError, ProviderUnreachableError
from controlplane.web.database import give_back_connections

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 2.0, 3.0, 5.0
LONGEST_ANSWER = 512 * 1024
CACHED_SECONDS = 600
# A key that nobody knows yet has the keys read again, at most this often.
KEYS_AGAIN_SECONDS = 30


@dataclass(frozen=True)
class Metadata:
    """The provider's addresses; empty where it has none."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    token_endpoint_auth_methods: tuple[str, ...]


class ProviderSession(requests.Session):
    """Requests to the provider, within `TOTAL_SECONDS` and `LONGEST_ANSWER` bytes."""

    def __init__(self, configuration: SingleSignOn) -> None:
        super().__init__()
        self._name = configuration.name

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request.

        Raises:
            ProviderUnreachableError: nothing answers, or too slowly.
            ProviderAnswerError: the answer is a redirect or too large.
        """
        # Waiting for another server must not keep a connection to the database from other requests.
        give_back_connections()
        until = time.monotonic() + TOTAL_SECONDS
        host = urlsplit(str(url)).netloc
        try:
            response = super().request(
                method,
                url,
                *args,
                **{**kwargs, "timeout": (CONNECT_SECONDS, READ_SECONDS), "allow_redirects": False, "stream": True},
            )
            body = b""
            for part in response.iter_content(16 * 1024):
                body += part
                if time.monotonic() > until:
                    raise ProviderUnreachableError(self._name, f"{host} exceeded {TOTAL_SECONDS:.0f} s")
                if len(body) > LONGEST_ANSWER:
                    raise ProviderAnswerError(f"The response of {host} exceeds {LONGEST_ANSWER // 1024} KiB.")
        except requests.Timeout:
            raise ProviderUnreachableError(self._name, f"{host} exceeded {READ_SECONDS:.0f} s") from None
        except requests.RequestException as error:
            raise ProviderUnreachableError(self._name, f"{host}: {_cause(error)}") from error
        if response.is_redirect:
            raise ProviderAnswerError(f"Unexpected redirect from {host} to {response.headers.get('Location')}.")
        # For readers of the response, who find it read.
        response._content, response._content_consumed = body, True
        response.headers.setdefault("Content-Type", "")
        return response


def _cause(error: BaseException) -> str:
    """The innermost reason: requests wraps what the network said several times."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__


def metadata(configuration: SingleSignOn) -> Metadata:
    """The provider's addresses, at most ten minutes old.

    Raises:
        ProviderUnreachableError: it does not answer.
        ProviderAnswerError: the issuer is another one than OIDC_ISSUER, an address is missing or not https.
    """
    key = f"oidc-metadata:{configuration.issuer}"
    known = cache.get(key)
    if known is None:
        said = _json(configuration, f"{configuration.issuer.rstrip('/')}/.well-known/openid-configuration")
        known = _checked(configuration, said)
        cache.set(key, known, CACHED_SECONDS)
    assert isinstance(known, Metadata)
    return known


def signing_key(configuration: SingleSignOn, *, key_id: str | None) -> PyJWK | None:
    """The provider's key with this id; without an id its only one. None if there is no such key.

    Raises:
        ProviderUnreachableError: the provider does not answer.
        ProviderAnswerError: what it publishes are no keys.
    """
    cached_as = f"oidc-keys:{configuration.issuer}"
    known = cache.get(cached_as)
    if known is not None:
        read_at, document = known
        found = _key_of(configuration, document, key_id)
        if found is not None or time.time() - read_at < KEYS_AGAIN_SECONDS:
            return found
    document = _json(configuration, metadata(configuration).jwks_uri)
    found = _key_of(configuration, document, key_id)
    cache.set(cached_as, (time.time(), document), CACHED_SECONDS)
    return found


def _key_of(configuration: SingleSignOn, document: dict[str, Any], key_id: str | None) -> PyJWK | None:
    try:
        keys = [key for key in PyJWKSet.from_dict(document).keys if key.public_key_use in (None, "sig")]
    except (PyJWTError, TypeError, AttributeError) as error:
        raise ProviderAnswerError(f"{configuration.name} publishes no usable keys: {error}.") from error
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.key_id == key_id), None)


def _json(configuration: SingleSignOn, address: str) -> dict[str, Any]:
    with ProviderSession(configuration) as session:
        response = session.get(address)
    if response.status_code != 200:
        raise ProviderAnswerError(
            f"{configuration.name} returned {response.status_code} for {address}.",
            "Ask an admin to check OIDC_ISSUER: it must be the issuer that the provider shows.",
        )
    try:
        said = response.json()
    except requests.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise ProviderAnswerError(f"{configuration.name} returned no JSON object for {address}.")
    return said


def _checked(configuration: SingleSignOn, said: dict[str, Any]) -> Metadata:
    if said.get("issuer") != configuration.issuer:
        raise ProviderAnswerError(
            f"The issuer of the provider is {said.get('issuer')!r}, but OIDC_ISSUER is {configuration.issuer!r}.",
            "Ask an admin to set OIDC_ISSUER to exactly this value, if it is the right provider.",
        )
    found: dict[str, str] = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"):
        address = said.get(name) or ""
        if not address and name in ("userinfo_endpoint", "end_session_endpoint"):
            found[name] = ""
            continue
        if not isinstance(address, str) or not is_safe_address(address):
            raise ProviderAnswerError(f"{name} of {configuration.name} is not an https URL: {address!r}.")
        found[name] = address
    methods = said.get("token_endpoint_auth_methods_supported")
    return Metadata(**found, token_endpoint_auth_methods=tuple(map(str, methods)) if isinstance(methods, list) else ())
