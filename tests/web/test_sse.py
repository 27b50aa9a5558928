"""Live parts: only what changed is sent, and a stream ends when its reader is signed out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import login
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone

from controlplane.accounts.models import User, UserSession
from controlplane.accounts.roles import Role
from controlplane.accounts.sessions import SessionStore, sessions_end
from controlplane.web.sse import stream_fragments
from tests.people import person

ENDED = "event: session-ended\ndata: \n\n"


def request_with_session() -> HttpRequest:
    request = RequestFactory().get("/live/")
    request.session = SessionStore()
    login(request, person(Role.VIEWER))
    request.session.save()
    return request


def events_of(
    rounds: Iterable[Mapping[str, str]],
    request: HttpRequest,
    ends: Callable[[], object] | None = None,
    **seconds: float,
) -> list[str]:
    """What comes over the wire while `render` gives one of `rounds` after the other; then the session ends."""
    given = iter(rounds)

    def render() -> Mapping[str, str]:
        try:
            return next(given)
        except StopIteration:
            (ends or request.session.delete)()
            return {}

    async def collect() -> list[str]:
        # The request's own thread made the session, so these run where it is visible.
        response = await sync_to_async(stream_fragments)(request, render, every=0.01, **seconds)
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
        ENDED,
    ]


@pytest.mark.django_db(transaction=True)
def test_a_relative_time_that_ticks_is_no_change() -> None:
    rounds = [{"a": f'<time datetime="2026-01-01T00:00:00Z" data-relative>{n} s ago</time>'} for n in range(5)]
    assert len(events_of(rounds, request_with_session())) == 3


@pytest.mark.django_db(transaction=True)
def test_a_stream_ends_when_its_life_is_over() -> None:
    assert events_of([{"a": "x"}], request_with_session(), life=0.0) == ["retry: 1000\n\n"]


@pytest.mark.django_db(transaction=True)
def test_a_quiet_stream_says_that_it_is_there() -> None:
    rounds: list[dict[str, Any]] = [{}, {}]
    assert events_of(rounds, request_with_session(), heartbeat=0.0)[1:] == [": still here\n\n"] * 3 + [ENDED]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "ends",
    [
        lambda: User.objects.update(is_active=False),
        lambda: User.objects.update(password="another"),
        lambda: UserSession.objects.update(expire_date=timezone.now()),
        lambda: sessions_end(User.objects.get()),
    ],
    ids=["deactivated", "another password", "timed out", "ended"],
)
def test_a_stream_ends_at_the_next_look_when_the_session_does(ends: Callable[[], object]) -> None:
    assert events_of([{"a": "x"}], request_with_session(), ends)[1:] == ["event: a\ndata: x\n\n", ENDED]


@pytest.mark.django_db(transaction=True)
def test_an_open_stream_is_no_activity() -> None:
    request = request_with_session()
    expires = UserSession.objects.get().expire_date
    events_of([{"a": "x"}] * 3, request, lambda: User.objects.update(is_active=False))
    assert UserSession.objects.get().expire_date == expires


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/overview/live/", "/runs/live/", "/stream/live/", "/scenarios/live/"])
def test_a_live_part_without_a_session_is_told_so_and_not_sent_to_sign_in(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content.decode() == ENDED
    assert client.get(path, headers={"Accept": "text/html"}).status_code == 302
