"""Live parts: only what changed is sent, and a stream ends when its reader is signed out."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory

from controlplane.web import sse
from controlplane.web.sse import stream_fragments


def request_with_session() -> HttpRequest:
    request = RequestFactory().get("/live/")
    request.session = SessionStore()
    request.session.create()
    return request


def events_of(rounds: Iterable[Mapping[str, str]], request: HttpRequest) -> list[str]:
    """What comes over the wire while `render` gives one of `rounds` after the other; then the person signs out."""
    given = iter(rounds)

    def render() -> Mapping[str, str]:
        try:
            return next(given)
        except StopIteration:
            request.session.delete()
            return {}

    async def collect() -> list[str]:
        # The request's own thread made the session, so these run where it is visible.
        response = await sync_to_async(stream_fragments)(request, render, every=0.01)
        content = cast(AsyncIterator[bytes], response.streaming_content)
        return [part.decode() async for part in content]

    return asyncio.run(collect())


@pytest.mark.django_db(transaction=True)
def test_only_what_changed_is_sent() -> None:
    rounds = [{"a": "<p>1</p>", "b": "x"}, {"a": "<p>1</p>", "b": "y"}, {"a": "<p>2\n3</p>", "b": "y"}]
    assert events_of(rounds, request_with_session())[1:] == [
        "event: a\ndata: <p>1</p>\n\n",
        "event: b\ndata: x\n\n",
        "event: b\ndata: y\n\n",
        "event: a\ndata: <p>2\ndata: 3</p>\n\n",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_relative_time_that_ticks_is_no_change() -> None:
    rounds = [{"a": f'<time datetime="2026-01-01T00:00:00Z" data-relative>{n} s ago</time>'} for n in range(5)]
    assert len(events_of(rounds, request_with_session())) == 2


@pytest.mark.django_db(transaction=True)
def test_a_stream_ends_when_its_life_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIFE_SECONDS", 0.0)
    assert events_of([{"a": "x"}], request_with_session()) == ["retry: 1000\n\n"]


@pytest.mark.django_db(transaction=True)
def test_a_quiet_stream_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.0)
    rounds: list[dict[str, Any]] = [{}, {}]
    assert events_of(rounds, request_with_session())[1:] == [": still here\n\n"] * 3
