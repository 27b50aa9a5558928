"""A throwaway OpenID Connect provider on loopback, whose every answer a test can spoil."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from controlplane.accounts.roles import Role
from controlplane.accounts.single_sign_on.configuration import SingleSignOn

CLIENT_ID, CLIENT_SECRET = "lakehouse", "client-secret-of-the-tests-with-32-bytes"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem() -> bytes:
    """The public key in the form in which it could be misused as a secret."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return KEY.public_key().public_bytes(serialization.Encoding.PEM, form)


@dataclass
class Grant:
    """A code that was given out, and what it is exchanged for."""

    asked: dict[str, str]
    claims: dict[str, Any]


@dataclass
class Provider:
    """`claims` are of the person who signs in; the rest changes how the provider answers."""

    issuer: str
    claims: dict[str, Any] = field(
        default_factory=lambda: {"sub": "f3b1", "preferred_username": "olivia", "groups": ["lakehouse-operators"]}
    )
    # Claims of the ID token that replace the right ones; None leaves the claim out.
    changed: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(claims, KEY, "RS256", {"kid": "1"})
    published: dict[str, Any] = field(default_factory=dict)
    # Instead of the usual answer of a path: status and body.
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "f3b1"})
    asked_for: list[str] = field(default_factory=list)
    grants: dict[str, Grant] = field(default_factory=dict)

    def configuration(self, **changed: Any) -> SingleSignOn:
        """How the application knows it."""
        roles = {"lakehouse-admins": Role.ADMIN, "lakehouse-operators": Role.OPERATOR, "staff": Role.VIEWER}
        given: dict[str, Any] = {
            "issuer": self.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "name": "Example ID",
            "roles_claim": "groups", "role_map": roles, "default_role": None, "scopes": ("openid", "profile"),
        }  # fmt: skip
        return SingleSignOn(**given | changed)

    def grant(self, address: str) -> dict[str, str]:
        """Let the person sign in at the address that the application led to: the parameters that lead back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.partition("?")[0] == f"{self.issuer}/authorize"
        code = token_urlsafe(8)
        self.grants[code] = Grant(asked, dict(self.claims))
        return {"code": code, "state": asked["state"]}

    def metadata(self) -> dict[str, Any]:
        paths = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint")
        found = {name: f"{self.issuer}/{name.removesuffix('_endpoint')}" for name in paths}
        found["authorization_endpoint"] = f"{self.issuer}/authorize"
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **found, **self.published}

    def keys(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {"keys": [{**key, "kid": "1", "use": "sig", "alg": "RS256"}]}

    def tokens(self, form: dict[str, str]) -> tuple[int, Any]:
        """Exchange a code: once, by the client that it was given to, with the verifier of its challenge."""
        grant = self.grants.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            grant is None
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET)
            or form["redirect_uri"] != grant.asked["redirect_uri"]
            or (grant.asked["code_challenge_method"], grant.asked["code_challenge"]) != ("S256", challenge)
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": grant.asked["nonce"]}
        claims = {name: value for name, value in {**usual, **grant.claims, **self.changed}.items() if value is not None}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.sign(claims)}


@contextmanager
def running(make: Callable[[str], Provider] = Provider) -> Iterator[Provider]:
    """A provider on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, form: dict[str, str]) -> None:
            path = self.path.partition("?")[0]
            provider.asked_for.append(path)
            if path in provider.answers:
                status, body = provider.answers[path]
            elif path == "/.well-known/openid-configuration":
                status, body = 200, provider.metadata()
            elif path == "/keys":
                status, body = 200, provider.keys()
            elif path == "/userinfo" and self.headers["Authorization"] == "Bearer access":
                status, body = 200, provider.userinfo
            elif path == "/token":
                status, body = provider.tokens(form)
            else:
                status, body = 404, {}
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(text).items()})

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = make(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
