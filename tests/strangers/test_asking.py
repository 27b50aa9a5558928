"""The stranger notices what is open: a socket outside the table, and servers that answer without a credential."""

import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import redis

from compose.local.parts.redis import wheel_server
from compose.local.settings import ROOT, load
from tests.ports import free_port
from tests.strangers.asking import Target, ask
from tests.strangers.listeners import listeners
from tests.strangers.table import entry
from tests.waiting import wait_for


def test_ports_and_sockets_outside_the_table_are_found(tmp_path: Path) -> None:
    """A TCP port, a Unix socket with a file, and an abstract one."""
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=ROOT)
    with (
        socket.create_server(("127.0.0.1", 0)) as port,
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        named.bind(f"{folder}/x.sock")
        abstract.bind("\0lakehouse-strangers")
        for one in (named, abstract):
            one.listen()
        here = psutil.Process()
        outside = [one for one in listeners([here], {"worker": here.pid}) if entry(one, settings) is None]
        wanted = {port.getsockname()[1], f"{folder}/x.sock", "@lakehouse-strangers"}
    assert wanted <= {one.path or one.port for one in outside}
    assert {one.service for one in outside} == {"worker"}


def _target(attempts: str, port: int = 0, path: str = "") -> Target:
    return Target(attempts, attempts, "127.0.0.1", port, path, {})


@pytest.fixture
def open_redis(tmp_path: Path) -> Iterator[int]:
    """A server without a password."""
    port = free_port()
    command = [str(wheel_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            with redis.Redis(port=port) as client:
                wait_for(client.ping, "the server answers", within=10)
            yield port
        finally:
            server.terminate()


def test_a_redis_without_a_password_is_noticed(open_redis: int) -> None:
    got = {answer.attempt: answer.got for answer in ask([_target("redis", open_redis)])}
    assert "PONG" in got["PING before a sign-in"]
    assert [attempt for attempt, what in got.items() if not what and "before a sign-in" in attempt] == []


class Open(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"all of it")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.mark.parametrize("attempts", ["web", "minio", "mutual-tls"])
def test_pages_without_a_sign_in_are_noticed(attempts: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Open) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            got = ask([_target(attempts, server.server_port)])
        finally:
            server.shutdown()
            thread.join()
    tried = got if attempts == "web" else [answer for answer in got if answer.attempt.startswith(("GET", "no TLS"))]
    assert tried
    assert [answer for answer in tried if "all of it" not in answer.got] == []


def test_a_socket_in_an_open_folder_is_noticed() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        Path(folder).chmod(0o755)
        place = Path(folder) / "x.sock"
        listening.bind(str(place))
        place.chmod(0o777)
        listening.listen()
        (opened,) = ask([_target("unix", path=str(place))])
        Path(folder).chmod(0o700)
        (closed,) = ask([_target("unix", path=str(place))])
    assert (bool(opened.got), closed.got) == (True, "")
