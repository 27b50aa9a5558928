"""No answer of the application may be stored, whoever asks and however it ends."""

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.web.caching import NO_STORE
from tests.web.addresses import urls

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["anonymous", "viewer"])
def person(request: pytest.FixtureRequest, client: Client) -> Client:
    client.raise_request_exception = False
    if request.param != "anonymous":
        client.force_login(User.objects.create_user("ada", role=Role(request.param)))
    return client


def test_no_answer_may_be_stored(person: Client) -> None:
    # Who has signed out is a stranger from then on.
    every = sorted(set(urls()), key=lambda url: (url == "/sign-out/", url))
    assert len(every) > 100
    kept = []
    for url in every:
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
