"""Clients of the tests of people: by a session of the pages, or by a token."""

from typing import Any

from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import token_create
from tests.people import person

RIGHT = "x" * 16
GOOD = "a long enough passphrase"


def session_of(someone: User) -> Client:
    """A client that has signed in with a session of its own."""
    client = Client()
    client.force_login(someone)
    return client


def bearer(text: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {text}"})


def in_session(role: Role) -> Client:
    """A new person of the role, in a session."""
    return session_of(person(role))


def by_token(role: Role, scope: Scope | None = None) -> Client:
    """A new person of the role, with a token."""
    return bearer(token_create(actor=person(role), name="tests", scope=scope)[1])


def send(client: Client, path: str, body: dict[str, Any] | None = None, method: str = "post") -> Any:
    """A request to the API with a JSON body."""
    return getattr(client, method)(f"/api/v1{path}", body or {}, content_type="application/json")
