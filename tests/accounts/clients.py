"""Clients of the API by a token, and passwords of the tests' people; `tests.people` has the clients in a session."""

from typing import Any

from django.test import Client

from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import token_create
from tests.people import person

RIGHT = "x" * 16
GOOD = "a long enough passphrase"


def bearer(text: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {text}"})


def by_token(role: Role, scope: Scope | None = None) -> Client:
    """The person of the role, with a new token."""
    return bearer(token_create(actor=person(role), name="tests", scope=scope)[1])


def send(client: Client, path: str, body: dict[str, Any] | None = None, method: str = "post") -> Any:
    """A request to the API with a JSON body."""
    return getattr(client, method)(f"/api/v1{path}", body or {}, content_type="application/json")
