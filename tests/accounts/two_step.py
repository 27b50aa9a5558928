"""Second factors for the tests: an authenticator app, recovery codes, and a passkey in software."""

import json
import time
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.utils import encrypt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.test import Client
from fido2.cose import ES256
from fido2.utils import sha256 as digest_of
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from controlplane.accounts.models import User
from controlplane.accounts.second_factor.freshness import VERIFIED_AT
from tests.accounts.clients import RIGHT

AnyClient = TypeVar("AnyClient", bound=Client)
PERIOD = 30
OWN = "lakehouse-q3x7k2ab.localhost:8000"
PRESENT, VERIFIED, CREDENTIAL = 0x01, 0x04, 0x40


def code_of(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows so many steps of 30 seconds from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + steps))


def wrong_code_of(secret: str) -> str:
    """A code that is not right around now."""
    right = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(code for code in map("{:06}".format, range(10)) if code not in right)


def add_app(person: User) -> str:
    """Give the person an authenticator app and recovery codes; its key."""
    secret = generate_totp_secret()
    Authenticator.objects.create(user=person, type="totp", data={"secret": encrypt(secret), "last_counter": -1})
    RecoveryCodes.activate(person)
    return secret


def recovery_codes_of(person: User) -> list[str]:
    """The recovery codes that the person was shown."""
    return list(RecoveryCodes(Authenticator.objects.get(user=person, type="recovery_codes")).generate_codes())


def give_password(client: Client, person: User, wanted: str = "/activity/") -> Any:
    """The first step of signing in."""
    return client.post("/sign-in/", {"username": person.username, "password": RIGHT, "next": wanted})


def give_code(client: Client, code: str, wanted: str = "/activity/", **more: Any) -> Any:
    """The second one."""
    return client.post("/sign-in/second-factor/", {"code": code, "next": wanted}, **more)


def is_signed_in(client: Client) -> bool:
    """Whether the pages know the client."""
    return client.get("/activity/").status_code == 200


def verified(client: AnyClient, seconds_ago: float = 0) -> AnyClient:
    """The client, as if it had been verified then."""
    session = client.session
    session[VERIFIED_AT] = time.time() - seconds_ago
    session.save()
    return client


def session_value(client: Client, name: str) -> Any:
    """What the client's session holds."""
    return client.session.get(name) if settings.SESSION_COOKIE_NAME in client.cookies else None


class Passkey:
    """A passkey in software: what a browser and its authenticator answer."""

    def __init__(self, *, origin: str = f"http://{OWN}", flags: int = PRESENT | VERIFIED, number: int = 1) -> None:
        self.origin, self.flags = origin, flags
        self.id = bytes([number]) * 16
        self.user = b""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def created(self, options: dict[str, Any]) -> str:
        """The answer to the options of `navigator.credentials.create`."""
        self.user = websafe_decode(options["user"]["id"])
        key = ES256.from_cryptography_key(self._key.public_key())
        data = AuthenticatorData.create(
            digest_of(options["rp"]["id"].encode()),
            self.flags | CREDENTIAL,
            0,
            AttestedCredentialData.create(bytes(16), self.id, key),
        )
        client = self._client_data("webauthn.create", options)
        return self._answer(
            clientDataJSON=client, attestationObject=AttestationObject.create("none", data, {}), more={"transports": []}
        )

    def signed(self, options: dict[str, Any], user: bytes | None = None) -> str:
        """The answer to the options of `navigator.credentials.get`."""
        data = AuthenticatorData.create(digest_of(options["rpId"].encode()), self.flags, 0)
        client = self._client_data("webauthn.get", options)
        signature = self._key.sign(data + client.hash, ec.ECDSA(SHA256()))
        handle = self.user if user is None else user
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature, userHandle=handle)

    def _client_data(self, kind: str, options: dict[str, Any]) -> CollectedClientData:
        return CollectedClientData.create(kind, options["challenge"], self.origin)

    def _answer(self, more: dict[str, Any] | None = None, **response: bytes) -> str:
        encoded = {name: websafe_encode(value) for name, value in response.items()}
        return json.dumps(
            {
                "id": websafe_encode(self.id),
                "rawId": websafe_encode(self.id),
                "type": "public-key",
                "response": {**encoded, **(more or {})},
                "clientExtensionResults": {},
            }
        )


def add_passkey(client: Client, passkey: Passkey, name: str = "laptop") -> Any:
    """Add it on the page, as the person of the client."""
    options = client.post("/settings/second-factors/passkeys/options/").json()
    form = {"name": name, "credential": passkey.created(options)}
    return client.post("/settings/second-factors/passkeys/", form)
