"""WebSocket forwarding in both directions, with backpressure, while the session lasts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bi.serving import LARGEST_MESSAGE_MIB
from controlplane.gateway.upstreams import Upstream

LARGEST_MESSAGE = LARGEST_MESSAGE_MIB * 2**20
# Messages of a dashboard's filters are far smaller; uvicorn is started with the same limit for complete messages.
LARGEST_REQUEST = 2**20
OPEN_SECONDS = 5.0

POLICY_VIOLATION, TOO_BIG, TRY_AGAIN = 1008, 1009, 1013
SIGNED_OUT = 4401
# The close code if the connection must end; None while it may continue.
Check = Callable[[], Awaitable[int | None]]


class UpstreamAwayError(Exception):
    """The upstream does not accept the WebSocket."""


class _Connect(connect):
    """A connection that follows no redirects, which could lead to any host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_connection(upstream: Upstream, path: str, subprotocols: list[str]) -> ClientConnection:
    """A connection to the upstream, with only the path and the subprotocols of the client's request.

    Raises:
        UpstreamAwayError: the upstream does not respond, or rejects the connection.
    """
    address = upstream.origin.replace("http", "ws", 1) + path
    options: dict[str, Any] = {
        "subprotocols": [name for name in subprotocols if name] or None,
        "additional_headers": dict(upstream.headers),
        "compression": None,
        "user_agent_header": None,
        "proxy": None,
        "open_timeout": OPEN_SECONDS,
        "close_timeout": 1.0,
        "max_size": LARGEST_MESSAGE,
        # One message is read ahead: messages that the browser does not read stay at the upstream.
        "max_queue": 1,
    }
    try:
        if upstream.socket:
            return await _Connect(address, unix=True, path=upstream.socket, **options)
        return await _Connect(address, **options)
    except (OSError, TimeoutError, WebSocketException) as error:
        raise UpstreamAwayError(str(error)) from error


async def relay(connection: ClientConnection, receive: Any, send: Any, check: Check, every_seconds: float) -> int:
    """Forward messages until one side closes or `check` gives a close code. Returns the close code."""
    tasks = {
        asyncio.create_task(_up(connection, receive)),
        asyncio.create_task(_down(connection, send)),
        asyncio.create_task(_watch(check, every_seconds)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        code = max(task.result() for task in done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await connection.close()
    return code


async def _up(connection: ClientConnection, receive: Any) -> int:
    """Forward messages from the browser. Returns 0 when it has closed."""
    while (message := await receive())["type"] == "websocket.receive":
        said = message.get("bytes")
        content: bytes | str = message["text"] if said is None else said
        if len(content) > LARGEST_REQUEST:
            return TOO_BIG
        try:
            await connection.send(content)
        except ConnectionClosed:
            return _closed_with(connection)
    return 0


async def _down(connection: ClientConnection, send: Any) -> int:
    """Forward messages to the browser. Returns the upstream's code when it has closed."""
    try:
        while True:
            content = await connection.recv()
            kind = "text" if isinstance(content, str) else "bytes"
            await send({"type": "websocket.send", kind: content})
    except ConnectionClosed:
        return _closed_with(connection)
    except OSError:
        # The browser has disconnected.
        return 0


async def _watch(check: Check, every_seconds: float) -> int:
    while True:
        await asyncio.sleep(every_seconds)
        code = await check()
        if code is not None:
            return code


def _closed_with(connection: ClientConnection) -> int:
    """A close code that may be sent: codes below 1000 and reserved codes mean that there was none."""
    code = connection.close_code or TRY_AGAIN
    return TRY_AGAIN if code in (1005, 1006, 1015) else code
