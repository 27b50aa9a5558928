"""The gateway: an ASGI application in front of another one that forwards requests below an upstream's path to it."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

import httpx
from django.db import DatabaseError
from django.urls import reverse

from controlplane.accounts.models import User
from controlplane.gateway import websocket
from controlplane.gateway.access import Handshake
from controlplane.gateway.answers import Answer
from controlplane.gateway.http import METHODS, ClientGoneError, client_for, forward
from controlplane.gateway.seats import NoSeatError, Seats
from controlplane.gateway.upstreams import Upstream, upstreams
from controlplane.monitoring import requests, tracing
from spark_jobs.certificates import certificate_problem

log = logging.getLogger(__name__)

REQUESTS_EACH = 32
WEBSOCKETS_EACH = 16
CHECK_SECONDS = 15.0

WRONG_HOST = Answer(400, "Invalid host", "The host of the request is not one of this installation's host names.")
FOREIGN = Answer(403, "Cross-site request blocked", "Pages of other origins are not allowed to load this resource.")
NO_SUCH_PATH = Answer(404, "Page not found", "This path is not forwarded.")
WRONG_METHOD = Answer(
    405, "Method not allowed", "Only GET and HEAD requests are forwarded.", headers={"Allow": "GET, HEAD"}
)
SIGN_IN = Answer(401, "Sign-in required", "This page requires a session of the control plane.")
DATABASE_AWAY = Answer(
    503, "Database unavailable", "Sessions are stored in the database.", "Try again.", headers={"Retry-After": "5"}
)
TOO_MANY = Answer(
    429, "Too many concurrent requests", f"The limit is {REQUESTS_EACH} per user.", "Close other tabs.",
    headers={"Retry-After": "5"},
)  # fmt: skip


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """The request is rejected with this response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.title)
        self.answer = answer


class Gateway:
    """Serves `known` upstreams under their paths, and everything else through `application`.

    `check_seconds` is the interval of session checks on an open WebSocket.
    """

    def __init__(
        self,
        application: Any,
        known: Callable[[], Iterable[Upstream]] = upstreams,
        *,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        self._application = application
        self._upstreams = tuple(known())
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._requests, self._websockets = Seats(REQUESTS_EACH), Seats(WEBSOCKETS_EACH)
        self._check_seconds = check_seconds

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one connection: forward it to the program that owns the path, or pass it on to Django."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        upstream = next((one for one in self._upstreams if f"{scope['path']}/".startswith(one.prefix)), None)
        if scope["type"] == "websocket":
            await self._websocket(upstream, scope, receive, send)
        elif upstream:
            await self._http(upstream, scope, receive, send)
        else:
            await self._application(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.aclose()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def aclose(self) -> None:
        """Close the connections to the upstreams."""
        clients, self._clients = self._clients, {}
        await asyncio.gather(*(client.aclose() for client in clients.values()))

    def _client(self, upstream: Upstream) -> httpx.AsyncClient:
        if upstream.name not in self._clients:
            self._clients[upstream.name] = client_for(upstream)
        return self._clients[upstream.name]

    async def _http(self, upstream: Upstream, scope: dict[str, Any], receive: Any, send: Any) -> None:
        began, status = time.perf_counter(), 0
        handshake = Handshake.of(scope)
        request_id = tracing.begin(handshake.get(tracing.HEADER.lower()))

        async def counted(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                requests.count(scope["method"], _route(upstream), status, time.perf_counter() - began)
            await send(message)

        try:
            person = await _admitted(upstream, scope, handshake)
            rest = _rest(upstream, scope)
            with self._requests.taken_by(person.pk):
                await forward(upstream, self._client(upstream), scope, rest, handshake, receive, counted, request_id)
        except ClientGoneError:
            pass
        except (Refused, NoSeatError, httpx.HTTPError, TimeoutError) as error:
            if status:
                # The response has started and can only be aborted, which the server does on an exception.
                log.warning("%s aborted a response: %r", upstream.title, error)
                raise
            if isinstance(error, httpx.HTTPError):
                log.warning("%s does not respond: %r", upstream.title, error)
            answer = _answer(upstream, error)
            head = scope["method"] == "HEAD"
            await answer.send_to(counted, as_page=handshake.wants_html, request_id=request_id, head=head)
        finally:
            tracing.log_answer(scope["method"], scope["path"], status)

    async def _websocket(self, upstream: Upstream | None, scope: dict[str, Any], receive: Any, send: Any) -> None:
        handshake = Handshake.of(scope)
        tracing.begin(handshake.get(tracing.HEADER.lower()))
        began = time.perf_counter()
        await receive()
        code = websocket.POLICY_VIOLATION
        if upstream is None or not upstream.websockets:
            await send({"type": "websocket.close", "code": code})
            return
        accepted = False
        try:
            code, person = await _known(upstream, handshake)
            if person is None:
                return
            rest = _rest(upstream, scope)
            with self._websockets.taken_by(person.pk):
                query = scope["query_string"].decode("latin-1")
                path = upstream.path_of(rest) + (f"?{query}" if query else "")
                connection = await websocket.open_connection(upstream, path, scope.get("subprotocols", []))
                accepted = True
                requests.count("GET", _route(upstream), 101, time.perf_counter() - began)
                await send({"type": "websocket.accept", "subprotocol": connection.subprotocol})

                async def over() -> int | None:
                    return (await _known(upstream, handshake, same=person))[0] or None

                code = await websocket.relay(connection, receive, send, over, self._check_seconds)
        except Refused:
            code = websocket.POLICY_VIOLATION
        except NoSeatError:
            log.warning("%s has %d WebSockets open, no more are accepted", person, self._websockets.each)
            code = websocket.TRY_AGAIN
        except websocket.UpstreamAwayError as error:
            log.warning("%s accepts no WebSocket: %s", upstream.title, error)
            code = websocket.TRY_AGAIN
        finally:
            if not accepted:
                requests.count("GET", _route(upstream), 403, time.perf_counter() - began)
                log.info("WebSocket %s rejected with %d", scope["path"], code)
            if code:
                # The browser may have disconnected at the same time.
                with suppress(OSError):
                    await send({"type": "websocket.close", "code": code})


def _route(upstream: Upstream) -> str:
    return f"{upstream.prefix}<path>"


def _rest(upstream: Upstream, scope: dict[str, Any]) -> str:
    """The path after the prefix, in its original encoding.

    Raises:
        Refused: the path is blocked, or two programs could interpret it differently.
    """
    raw = scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or quote(scope["path"])
    if f"{raw}/" == upstream.prefix:
        raise Refused(Answer(302, "Moved", "", headers={"Location": upstream.prefix}))
    rest = raw.removeprefix(upstream.prefix)
    plain = unquote(rest)
    odd = any(ord(letter) < 32 or letter in "\\;" for letter in plain) or "%2f" in rest.lower() or "%25" in rest
    if not raw.startswith(upstream.prefix) or odd or {".", ".."} & set(plain.split("/")) or "//" in f"/{plain}":
        raise Refused(NO_SUCH_PATH)
    if upstream.refused.search(plain.lower()):
        raise Refused(NO_SUCH_PATH)
    return rest


async def _admitted(upstream: Upstream, scope: dict[str, Any], handshake: Handshake) -> User:
    """The user of the request, after all access checks.

    Raises:
        Refused: access is denied.
    """
    if not handshake.names_our_host:
        _log_refused(scope, "the host is not one of ours")
        raise Refused(WRONG_HOST)
    if handshake.is_foreign:
        _log_refused(scope, "the request comes from another origin")
        raise Refused(FOREIGN)
    try:
        person = await handshake.person()
    except DatabaseError:
        raise Refused(DATABASE_AWAY) from None
    if person is None:
        if handshake.is_page and scope["method"] in METHODS:
            query = scope["query_string"].decode("latin-1")
            wanted = quote(f"{scope['path']}?{query}" if query else scope["path"], safe="/")
            location = f"{reverse('accounts:sign-in')}?next={wanted}"
            raise Refused(Answer(302, "Sign-in required", "", headers={"Location": location}))
        raise Refused(SIGN_IN)
    if not person.has_role(upstream.role):
        message = f"{upstream.title} requires the role {upstream.role.label.lower()}."
        _log_refused(scope, message, person)
        raise Refused(Answer(403, "Access denied", message, "Ask an admin to change your role."))
    if scope["method"] not in METHODS:
        raise Refused(WRONG_METHOD)
    return person


def _log_refused(scope: dict[str, Any], reason: str, person: User | None = None) -> None:
    named = {"actor": person.get_username() if person else "nobody", "address": (scope.get("client") or ("",))[0]}
    log.warning("refused %s %s: %s", scope["method"], scope["path"], reason, extra=named)


async def _known(upstream: Upstream, handshake: Handshake, same: User | None = None) -> tuple[int, User | None]:
    """(close code if access is denied, user) of a handshake; with `same`, only that user may continue."""
    if not handshake.names_our_host or handshake.is_foreign_websocket:
        return websocket.POLICY_VIOLATION, None
    try:
        person = await handshake.person()
    except DatabaseError:
        return websocket.TRY_AGAIN, None
    if person is None or (same is not None and person.pk != same.pk):
        return websocket.SIGNED_OUT, None
    if not person.has_role(upstream.role):
        return websocket.POLICY_VIOLATION, None
    return 0, person


def _answer(upstream: Upstream, error: Exception) -> Answer:
    if isinstance(error, Refused):
        return error.answer
    if isinstance(error, NoSeatError):
        return TOO_MANY
    if refused := certificate_problem(error, upstream.title, upstream.origin):
        what, remedy = refused.split(". ", 1)
        return Answer(502, f"No secure connection to {upstream.title}", f"{what}.", remedy)
    slow = isinstance(error, httpx.TimeoutException | TimeoutError)
    return Answer(
        504 if slow else 502,
        f"{upstream.title} {'timed out' if slow else 'is unavailable'}",
        "The control plane forwards requests to it.",
        "The Overview shows which service is down. Reload this page when it is up.",
        headers={"Retry-After": "5"},
    )
