"""Server-sent events: fragments of a page, rendered by the server and sent when they change."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import tzinfo
from hashlib import blake2b

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string

from controlplane.web.database import give_back_connections

EVENT_STREAM = "text/event-stream; charset=utf-8"
Render = Callable[[], Mapping[str, str]]
IsLive = Callable[[], bool]

# A stream ends after this time and the browser opens the next one, so that no stream outlives a new version of the
# program for long.
LIFE_SECONDS = 300.0
HEARTBEAT_SECONDS = 15.0
FAILURE_PAUSE_SECONDS = 5.0
# Relative times, which the browser updates itself, do not count as a change.
_TICKING = re.compile(r"(<time\b[^<>]*+>)[^<]*+</time>")
# Sent when the session has ended, since EventSource does not expose the HTTP status to scripts.
SESSION_ENDED = b"event: session-ended\ndata: \n\n"


def stream_fragments(
    request: HttpRequest,
    render: Render,
    *,
    every: float = 2.0,
    life: float = LIFE_SECONDS,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> StreamingHttpResponse:
    """Answer with a stream of the fragments that `render` gives, each whenever it has changed.

    Args:
        render: gives event name -> html. It runs in a thread every `every` seconds, may use the database, and must not
            reach for a far system.
        every: seconds between two looks. Each one asks whether the session still goes on, without counting as activity.
        life: seconds after which the stream ends; the browser opens the next one.
        heartbeat: seconds of silence after which it says that it is there.
    """
    is_live: IsLive = import_string(settings.LIVE_SESSION)(request)
    # The view used the database for authentication; the stream must not keep that connection for minutes.
    give_back_connections()
    response = StreamingHttpResponse(_events(is_live, render, every, life, heartbeat), content_type=EVENT_STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would gather the events otherwise
    return response


def asks_for_events(request: HttpRequest) -> bool:
    """Whether the request is for live updates of a page."""
    return request.headers.get("Accept", "") == "text/event-stream"


def session_ended() -> HttpResponse:
    """The response to live updates without a session: the page shows that the session has ended."""
    return HttpResponse(SESSION_ENDED, content_type=EVENT_STREAM)


async def _events(is_live: IsLive, render: Render, every: float, life: float, heartbeat: float) -> AsyncIterator[bytes]:
    zone = timezone.get_current_timezone()
    sent: dict[str, bytes] = {}
    started = last = time.monotonic()
    yield b"retry: 1000\n\n"
    while time.monotonic() - started < life:
        try:
            fragments = await sync_to_async(_rendered, thread_sensitive=False)(render, zone, is_live)
        except Exception:
            # The database may be briefly unreachable: the browser opens the next stream automatically.
            if settings.DEBUG:
                raise
            await asyncio.sleep(FAILURE_PAUSE_SECONDS)
            return
        if fragments is None:
            yield SESSION_ENDED
            return
        for name, html in fragments.items():
            mark = blake2b(_TICKING.sub(r"\1", html).encode(), digest_size=16).digest()
            if sent.get(name) != mark:
                sent[name] = mark
                last = time.monotonic()
                yield _event(name, html)
        if time.monotonic() - last > heartbeat:
            last = time.monotonic()
            # Also detects clients that disconnected silently.
            yield b": still here\n\n"
        await asyncio.sleep(every)


def _rendered(render: Render, zone: tzinfo, is_live: IsLive) -> Mapping[str, str] | None:
    """The fragments, or None if the session has ended: signed out, timed out, or the user was deactivated."""
    try:
        if not is_live():
            return None
        with timezone.override(zone):
            return render()
    finally:
        give_back_connections()


def _event(name: str, html: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()
