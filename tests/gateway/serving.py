"""ASGI applications served by uvicorn within a test's own event loop, and an upstream that says what reaches it."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from compose.local.certificates import Certificates


@asynccontextmanager
async def served(
    application: Any, uds: Path | None = None, certificates: Certificates | None = None
) -> AsyncIterator[str]:
    """The application on a Unix socket, or on a free port of loopback; gives `http://host:port`.

    With `certificates` it speaks https, and only to clients with a certificate of the same authority.
    """
    family = socket.AF_UNIX if uds else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as listener:
        listener.bind(str(uds) if uds else ("127.0.0.1", 0))
        listener.listen(100)
        listener.setblocking(False)
        config = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1, access_log=False)
        if certificates:
            config.ssl_certfile, config.ssl_keyfile = certificates.server, str(certificates.server_key)
            config.ssl_ca_certs, config.ssl_cert_reqs = str(certificates.authority), ssl.CERT_REQUIRED
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        try:
            scheme = "https" if certificates else "http"
            yield "http://bi" if uds else f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await server.shutdown(sockets=[listener])


@dataclass
class Echo:
    """An upstream: answers each request with what it got, and sends each message of a WebSocket back.

    `/large` is an answer without an end, `/hostile` one full of headers that an upstream has no right to set.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        seen = {"path": scope["raw_path"].decode(), "query": scope["query_string"].decode(), "headers": headers}
        self.requests.append(seen)
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["path"].endswith("/large"):
            await self._large(receive, send)
        else:
            await self._answer(scope, send, json.dumps(seen).encode())

    async def _answer(self, scope: dict[str, Any], send: Any, body: bytes) -> None:
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"public, max-age=9")]
        status = 200
        if scope["path"].endswith("/hostile"):
            headers += [
                (b"set-cookie", b"lakehouse_session=stolen; Path=/"),
                (b"content-security-policy", b"default-src *"),
                (b"x-frame-options", b"ALLOWALL"),
                (b"access-control-allow-origin", b"*"),
                (b"refresh", b"0; url=http://evil.example"),
                (b"service-worker-allowed", b"/"),
            ]
        if scope["path"].endswith("/moved"):
            status, headers = 302, [*headers, (b"location", scope["query_string"])]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _large(self, receive: Any, send: Any) -> None:
        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left.set()

        asking = asyncio.create_task(gone())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.left.is_set():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            self.sent += 65_536
            await asyncio.sleep(0)
        await asking

    async def _websocket(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        self.left.set()
