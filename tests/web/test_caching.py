"""No answer of the application may be stored, whoever asks and however it ends."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import get_resolver

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.web.caching import NO_STORE
from tests.web.test_api_covers_pages import addresses

pytestmark = pytest.mark.django_db
_EXAMPLES: dict[str, Any] = {
    "uuid": UUID(int=7), "uuidstr": UUID(int=7), "int": 1, "slug": "first-light", "str": "silver", "path": "x",
    "name": "silver",
    "scenario": "first-light", "airflow_id": "x",
}  # fmt: skip
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def _urls() -> Iterator[str]:
    """An address for every route: pages, live parts, data and the API."""
    for route in addresses(get_resolver().url_patterns):
        yield "/" + _PARAMETER.sub(lambda found: str(_EXAMPLES[found[1] or "str"]), route)


@pytest.fixture(params=["anonymous", "viewer"])
def person(request: pytest.FixtureRequest, client: Client) -> Client:
    client.raise_request_exception = False
    if request.param != "anonymous":
        client.force_login(User.objects.create_user("ada", role=Role(request.param)))
    return client


def test_no_answer_may_be_stored(person: Client) -> None:
    # Who has signed out is a stranger from then on.
    urls = sorted(set(_urls()), key=lambda url: (url == "/sign-out/", url))
    assert len(urls) > 100
    kept = []
    for url in urls:
        for answer in (person.get(url), person.post(url, {})):
            if answer.headers.get("Cache-Control") != NO_STORE:
                kept.append((url, answer.status_code, answer.headers.get("Cache-Control")))
            if isinstance(answer, StreamingHttpResponse):
                answer.close()
    assert kept == []


@pytest.mark.parametrize("url", ["/nothing/here/", "/api/v1/nothing", "/api/v1/openapi.json", "/sign-in/", "/metrics"])
def test_errors_and_open_addresses_neither(client: Client, url: str) -> None:
    assert client.get(url).headers["Cache-Control"] == NO_STORE


def test_an_answer_to_a_token_neither(client: Client) -> None:
    for token in ("wrong", ""):
        answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (401, NO_STORE)
