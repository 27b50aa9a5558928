"""The ceremonies of passkeys (WebAuthn): the options for the browser, and the verification of its response.

A passkey here is a discoverable credential with user verification: it is two factors by itself, and signs in alone.
"""

import json
import struct
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from fido2.rpid import verify_rp_id
from fido2.webauthn import AuthenticatorData

from controlplane.accounts.models import User
from controlplane.accounts.own_name import is_at_home
from controlplane.errors import ActionError

# The parts of a browser's answer to a registration that are kept.
_KEPT = ("id", "rawId", "type", "response", "clientExtensionResults", "authenticatorAttachment")
_LONGEST_ANSWER = 2**16
_CEREMONY_UNTIL = "passkey_until"
_CEREMONY_SECONDS = 300
# What parsing an answer that no browser has sent may raise.
_MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    AssertionError,
    struct.error,
    ValidationError,
)


class PasskeyRefusedError(ActionError):
    """The browser's response is invalid."""

    code = "passkey_refused"
    status = 401

    def __init__(self) -> None:
        super().__init__("The passkey was not accepted.", "Try again, or use another way to sign in.")


class PasskeysUnavailableError(ActionError):
    """The address can't have passkeys."""

    code = "passkeys_unavailable"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "Passkeys are not supported at this address.",
            "They require the host name of PUBLIC_URL with https, or under .localhost. IP addresses are not supported.",
        )


def _origin() -> str:
    public = urlsplit(settings.PUBLIC_URL)
    return f"{public.scheme}://{public.netloc}"


def passkeys_work(request: HttpRequest) -> bool:
    """Whether browsers do WebAuthn here: in a secure context, under PUBLIC_URL's host, which must not be an address."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return False
    own = request.get_host() == urlsplit(settings.PUBLIC_URL).netloc and is_at_home(request)
    return own and verify_rp_id(host, _origin())


def _possible(request: HttpRequest) -> None:
    if not passkeys_work(request):
        raise PasskeysUnavailableError


def registration_begin(request: HttpRequest, person: User) -> dict[str, Any]:
    """The options of `navigator.credentials.create` for a new passkey."""
    _possible(request)
    return _begun(request, auth.begin_registration(person, passwordless=True))


def authentication_begin(request: HttpRequest, person: User | None) -> dict[str, Any]:
    """The options of `navigator.credentials.get`; without a person, the browser offers every passkey of this site."""
    _possible(request)
    return _begun(request, auth.begin_authentication(person))


def _begun(request: HttpRequest, options: dict[str, Any]) -> dict[str, Any]:
    request.session[_CEREMONY_UNTIL] = timezone.now().timestamp() + _CEREMONY_SECONDS
    public_key: dict[str, Any] = _plain(options)["publicKey"]
    return public_key


def _plain(value: Any) -> Any:
    """fido2's mappings as plain JSON, without what has no value."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if hasattr(value, "keys"):
        return {key: _plain(value[key]) for key in value if value[key] is not None}
    return [_plain(one) for one in value]


def registration_complete(request: HttpRequest, person: User, answer: str) -> dict[str, Any]:
    """The credential that the browser has created, to be stored.

    Raises:
        PasskeyRefusedError: the answer doesn't verify, or the passkey is registered already.
    """
    credential = _parsed(request, answer)
    try:
        _same_origin(auth.parse_registration_response(credential).response.client_data.origin)
        made: AuthenticatorData = auth.complete_registration(credential)
        assert made.credential_data is not None
        if auth.get_authenticator_by_credential_id(person, made.credential_data.credential_id):
            raise PasskeyRefusedError
    except _MALFORMED:
        raise PasskeyRefusedError from None
    finally:
        auth.clear_state()
    return {name: credential[name] for name in _KEPT if name in credential}


def authentication_complete(request: HttpRequest, person: User | None, answer: str) -> tuple[User, Authenticator]:
    """Whose passkey has signed the challenge, and which one.

    Args:
        person: who it has to be; None when the passkey itself says who.

    Raises:
        PasskeyRefusedError: the answer doesn't verify. A challenge is used up by its first answer.
    """
    credential = _parsed(request, answer)
    try:
        _same_origin(auth.parse_authentication_response(credential).response.client_data.origin)
        found = person or auth.extract_user_from_response(credential)
        assert isinstance(found, User)
        authenticator: Authenticator = auth.complete_authentication(found, credential)
    except _MALFORMED:
        raise PasskeyRefusedError from None
    finally:
        auth.clear_state()
    authenticator.record_usage()
    return found, authenticator


def _parsed(request: HttpRequest, answer: str) -> dict[str, Any]:
    until = request.session.pop(_CEREMONY_UNTIL, 0)
    try:
        credential = json.loads(answer) if len(answer) <= _LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        credential = None
    if until <= timezone.now().timestamp() or not isinstance(credential, dict):
        auth.clear_state()
        raise PasskeyRefusedError
    return credential


def _same_origin(origin: str) -> None:
    """fido2 compares host names. Another port of the same name is another origin, and may be another account's."""
    if origin != _origin():
        raise ValueError(f"the origin is {origin}")
