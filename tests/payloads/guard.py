"""What this process connects to, and a server on loopback that nothing may ask."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Guard:
    """`asked` is what the canary was asked for, `left` each connection and each name that went anywhere but to the
    addresses in `allowed`."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)
    allowed: set[tuple[str, int]] = field(default_factory=set)

    def text(self, text: str) -> str:
        return text.replace("PORT", str(self.port))

    @property
    def quiet(self) -> bool:
        return not self.asked and not self.left

    def _see(self, address: Any) -> None:
        if isinstance(address, tuple) and (str(address[0]), address[1]) not in self.allowed:
            self.left.append(address)
            raise ConnectionRefusedError(f"The guard lets nobody connect to {address}.")


class Handler(BaseHTTPRequestHandler):
    """Answers everything with what the server's `answer` gives for the path: (status, headers, body)."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, body = self.server.answer(self.path)  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = answer  # noqa: N815 - the names of http.server

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(answer: Any) -> Iterator[int]:
    """A server on loopback; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer = answer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def guarding(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    """Connections of this process are seen, and refused unless they are allowed."""
    guard = Guard()

    def canary(path: str) -> tuple[int, dict[str, str], bytes]:
        guard.asked.append(path)
        return 200, {}, b"{}"

    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def seen_connect(self: socket.socket, address: Any) -> None:
        guard._see(address)
        connect(self, address)

    def seen_connect_ex(self: socket.socket, address: Any) -> int:
        guard._see(address)
        return connect_ex(self, address)

    def seen_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host or "127.0.0.1")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            guard.left.append(name)
            raise socket.gaierror("The guard looks no name up.") from None
        return lookup(host, *args, **kwargs)

    with serving(canary) as port:
        guard.port = port
        with monkeypatch.context() as patched:
            patched.setattr(socket.socket, "connect", seen_connect)
            patched.setattr(socket.socket, "connect_ex", seen_connect_ex)
            patched.setattr(socket, "getaddrinfo", seen_lookup)
            yield guard
