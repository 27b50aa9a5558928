"""Verification of ID tokens (OpenID Connect Core 1.0, section 3.1.3.7), with PyJWT.

allauth reads the claims without verifying the signature, because the token came from the provider over TLS, and knows
no nonce. Here every check is made: a signature by one of the provider's published keys with an asymmetric algorithm,
issuer, audience, expiry, authorised party and nonce.
"""

import hmac
from typing import Any

import jwt

from controlplane.accounts.single_sign_on.configuration import SingleSignOn
from controlplane.accounts.single_sign_on.errors import ProviderAnswerError
from controlplane.accounts.single_sign_on.provider import signing_key

# Asymmetric ones only: with a symmetric one, a public key or the client's secret would sign.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
# Clocks of two machines are seldom the same.
LEEWAY_SECONDS = 30
LONGEST_TOKEN = 64 * 1024
# What allauth's column holds. OpenID Connect allows 255; providers use fewer than 64.
LONGEST_SUBJECT = 191


def verified_claims(configuration: SingleSignOn, id_token: str, *, nonce: str) -> dict[str, Any]:
    """The claims of an ID token that the provider issued for this application and this sign-in.

    Raises:
        ProviderAnswerError: the token is none of these; the message says which check failed.
        ProviderUnreachableError: the provider's keys could not be read.
    """
    try:
        if len(id_token) > LONGEST_TOKEN:
            raise jwt.InvalidTokenError(f"it has {len(id_token)} characters")
        header = jwt.get_unverified_header(id_token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError(f"the algorithm {header.get('alg')!r} is not accepted")
        key = signing_key(configuration, key_id=header.get("kid"))
        if key is None:
            raise jwt.InvalidKeyError(f"the provider has no key {header.get('kid')!r}")
        # A key that names its algorithm is for no other one.
        named = key._jwk_data.get("alg")
        claims = jwt.decode(
            id_token,
            key.key,
            algorithms=[one for one in ALGORITHMS if named in (None, one)],
            issuer=configuration.issuer,
            audience=configuration.client_id,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        _check_party(configuration, claims)
        if not 1 <= len(claims["sub"]) <= LONGEST_SUBJECT or not claims["sub"].isprintable():
            raise jwt.InvalidTokenError("the subject is empty, too long or not printable")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise jwt.InvalidTokenError("the nonce does not match")
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise ProviderAnswerError(f"The ID token of {configuration.name} was rejected: {error}.") from error
    return claims


def _check_party(configuration: SingleSignOn, claims: dict[str, Any]) -> None:
    """A token for several audiences has to name this application as the authorised party."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != configuration.client_id:
        raise jwt.InvalidAudienceError(f"the authorised party is {claims.get('azp')!r}")
