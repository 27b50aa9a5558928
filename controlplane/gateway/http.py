"""HTTP forwarding: one request to an upstream, with its response streamed at the client's pace."""

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

from controlplane.gateway.access import Handshake
from controlplane.gateway.answers import encoded, protection
from controlplane.gateway.upstreams import Upstream
from spark_jobs.tls import ssl_context

T = TypeVar("T")

METHODS = frozenset({"GET", "HEAD"})
TIMEOUTS = httpx.Timeout(connect=3.0, read=60.0, write=10.0, pool=10.0)
# How long a browser may not read a chunk before the request is aborted.
UNREAD_SECONDS = 60.0
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15.0)

# Forwarded request headers: no cookie, no credential and no header by which an upstream would trust the client.
FORWARDED = (
    *("accept", "accept-encoding", "accept-language", "user-agent"),
    *("cache-control", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"),
)
# Returned response headers: no cookie, and no policy but ours.
RETURNED = (
    *("content-type", "content-length", "content-encoding", "content-disposition", "content-language"),
    *("content-range", "accept-ranges", "etag", "last-modified", "retry-after", "vary"),
)
KEPT = "private, max-age=86400"


class ClientGoneError(Exception):
    """The browser has closed the connection."""


def client_for(upstream: Upstream) -> httpx.AsyncClient:
    """A connection pool to the upstream, without proxies of the environment and without a cookie store."""
    verify = _context(upstream.certificates) if upstream.certificates else ssl_context()
    transport = httpx.AsyncHTTPTransport(uds=upstream.socket or None, limits=LIMITS, trust_env=False, verify=verify)
    return httpx.AsyncClient(transport=transport, timeout=TIMEOUTS, trust_env=False, follow_redirects=False)


def _context(folder: str) -> ssl.SSLContext:
    """A TLS context that trusts only the authority in `folder`, with the client certificate from there."""
    files = Path(folder)
    context = ssl.create_default_context(cafile=str(files / "authority.pem"))
    context.load_cert_chain(files / "client.pem", files / "client.key")
    return context


async def forward(
    upstream: Upstream,
    client: httpx.AsyncClient,
    scope: dict[str, Any],
    rest: str,
    handshake: Handshake,
    receive: Any,
    send: Any,
    request_id: str,
) -> int:
    """Forward a request and return the response's status.

    Raises:
        httpx.HTTPError: the upstream did not respond; nothing has been sent if `send` has not been called.
        ClientGoneError: the browser disconnected.
    """
    query = scope["query_string"].decode("latin-1")
    address = upstream.origin + upstream.path_of(rest) + (f"?{query}" if query else "")
    headers = {name: handshake.get(name) for name in FORWARDED if handshake.get(name)}
    # Otherwise httpx would accept compression that the browser does not.
    headers.setdefault("accept-encoding", "identity")
    request = client.build_request(
        scope["method"], address, headers={**headers, "X-Request-ID": request_id, **upstream.headers}
    )
    request.headers.pop("cookie", None)
    gone = asyncio.create_task(_left(receive))
    try:
        response = await _unless(gone, _answer(client, request))
        try:
            answered = _headers(upstream, rest, response.status_code, response.headers, handshake.origin, request_id)
            await send({"type": "http.response.start", "status": response.status_code, "headers": encoded(answered)})
            chunks = response.aiter_raw(65_536)
            while (chunk := await _unless(gone, anext(chunks, None))) is not None:
                async with asyncio.timeout(UNREAD_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()
    finally:
        gone.cancel()
    return response.status_code


async def _answer(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The response headers.

    If the upstream closes an idle connection at the same time, the request is retried, which is safe for GET and HEAD.
    """
    try:
        return await client.send(request, stream=True)
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        return await client.send(request, stream=True)


def _headers(
    upstream: Upstream, rest: str, status: int, given: Mapping[str, str], origin: str, request_id: str
) -> dict[str, str]:
    kept = {name: given[name] for name in RETURNED if name in given}
    if location := upstream.location(given["location"]) if "location" in given else "":
        kept["location"] = location
    may_be_kept = status in (200, 206, 304) and rest.startswith(upstream.static)
    policy = upstream.policy.replace("{own}", origin + upstream.prefix)
    return {
        **kept,
        "X-Request-ID": request_id,
        **protection(policy, same_origin_frames="frame-ancestors 'self'" in policy),
        "Cache-Control": KEPT if may_be_kept else "no-store",
    }


async def _left(receive: Any) -> None:
    """Wait until the browser disconnects. A request body is discarded, since GET and HEAD do not use it."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless(gone: asyncio.Task[None], work: Awaitable[T]) -> T:
    """The result of `work`, unless the browser disconnects first.

    Raises:
        ClientGoneError: the browser disconnected, and the work was cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    if task.cancelled():
        raise ClientGoneError
    return task.result()
