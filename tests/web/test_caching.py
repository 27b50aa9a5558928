"""No answer of the application may be stored, whoever asks and however it ends."""

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from controlplane.web.caching import NO_STORE
from tests.web.addresses import examples

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["anonymous", "viewer"])
def asking(request: pytest.FixtureRequest) -> Client:
    found: Client = request.getfixturevalue("client" if request.param == "anonymous" else "viewer")
    found.raise_request_exception = False
    return found


def test_no_answer_may_be_stored(asking: Client) -> None:
    urls = examples()
    assert len(urls) > 100
    kept = []
    for url in urls:
        for answer in (asking.get(url), asking.post(url, {})):
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
