"""What every answer carries and refuses, whatever address and method it is for."""

import asyncio
import re
from inspect import isawaitable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from servestatic.middleware import ServeStaticMiddleware

from controlplane.web.methods import METHODS
from tests.pages import Visitor
from tests.web.addresses import examples

pytestmark = pytest.mark.django_db
URLS = ["/nothing/here/", *examples()]


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "trace", "GETS", "-"])
def test_an_unknown_method_is_answered_nowhere(method: str, client: Client, admin: Visitor) -> None:
    for asking in (client, admin):
        for url in URLS:
            answer = asking.generic(method, url, b"Cookie: echoed", HTTP_X_SECRET="echoed")
            assert (answer.status_code, answer.headers["Allow"]) == (405, ", ".join(METHODS)), url
            assert (answer.content, answer.headers["X-Content-Type-Options"]) == (b"", "nosniff")


def test_every_text_says_its_charset(client: Client, admin: Visitor) -> None:
    """ASVS asks for it in `text/*` and XML; JSON has one encoding only."""
    wrong = []
    for asking in (client, admin):
        asking.raise_request_exception = False
        for url in URLS:
            for answer in (asking.get(url), asking.post(url, {})):
                kind, _, more = answer.headers.get("Content-Type", "").partition(";")
                has_body = isinstance(answer, StreamingHttpResponse) or answer.content
                textual = kind.startswith("text/") or kind.endswith(("/xml", "+xml"))
                if has_body and (not kind or (textual and "charset=utf-8" not in more)):
                    wrong.append((url, answer.status_code, answer.headers.get("Content-Type")))
                if isinstance(answer, StreamingHttpResponse):
                    answer.close()
    assert wrong == []


@pytest.fixture
def files(settings: Settings) -> ServeStaticMiddleware:
    """The middleware of static files, which looks for them where they are written."""
    settings.SERVESTATIC_AUTOREFRESH = settings.SERVESTATIC_USE_FINDERS = True
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]

    async def nothing(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=404)

    return ServeStaticMiddleware(nothing)


def test_a_static_file_carries_a_policy_of_its_own(files: ServeStaticMiddleware) -> None:
    async def served(path: str) -> Any:
        answer = files(RequestFactory().get(path))
        return await answer if isawaitable(answer) else answer

    for name in ("web/icon.svg", "web/css/shell.css", "web/js/forms.js"):
        answer = asyncio.run(served(f"/static/{name}"))
        assert answer.status_code == 200, name
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "Access-Control-Allow-Origin" not in answer.headers
        kind = answer.headers["Content-Type"]
        assert re.search(r'charset="?utf-8', kind) or not kind.startswith("text/"), kind
        answer.close()
