"""The questions of a stranger find an open port: otherwise the test of the containers could not fail."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from compose.local.certificates import Certificates
from compose.local.settings import EVERY_ADDRESS
from tests.containers import stranger
from tests.containers.ports import PROTOCOLS, listening, protocol


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    stranger.prepare()


class _Open(BaseHTTPRequestHandler):
    """It shows everybody everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"up")

    def log_message(self, format: str, *args: object) -> None:
        """No line for each request."""


@contextmanager
def _served(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Open) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_every_protocol_of_the_list_has_questions() -> None:
    named = {kind for ports in PROTOCOLS.values() for kind in ports.values()}
    assert named == set(stranger.PROTOCOLS)


@pytest.mark.parametrize("name", sorted(stranger.PROTOCOLS))
def test_a_server_that_shows_everything_is_found(name: str) -> None:
    with _served() as port:
        assert stranger.ask("127.0.0.1", port, name) != []


@pytest.mark.parametrize("name", sorted(stranger.PROTOCOLS))
def test_a_port_that_nothing_answers_on_is_found(name: str) -> None:
    with _served() as port:
        pass
    assert stranger.ask("127.0.0.1", port, name) != []


@pytest.mark.parametrize("required", [ssl.CERT_NONE, ssl.CERT_OPTIONAL])
def test_a_server_that_does_not_require_a_certificate_is_found(required: ssl.VerifyMode, tmp_path: Path) -> None:
    own = Certificates(tmp_path)
    own.ensure("password")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.server, own.server_key)
    context.load_verify_locations(own.authority)
    context.verify_mode = required
    with _served(context) as port:
        found = stranger.ask("127.0.0.1", port, "client certificate")
    assert [problem for problem in found if problem.startswith("no certificate for /metrics: 200")] != []


def test_a_port_that_nobody_has_named_has_no_protocol() -> None:
    assert protocol("web", 8000) == "application"
    assert protocol("web", 8001) is None
    assert protocol("a new service", 80) is None
    # Spark chooses ports, of which each has to speak its protocol.
    assert protocol("spark-connect", 40_123) == "spark"


def test_the_kernel_names_what_listens_beyond_loopback() -> None:
    def every(address: str) -> set[int]:
        connections = psutil.net_connections(kind="tcp")
        return {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN and one.laddr.ip == address}

    with (
        ThreadingHTTPServer((EVERY_ADDRESS, 0), _Open) as everywhere,
        ThreadingHTTPServer(("127.0.0.1", 0), _Open) as here,
    ):
        found = listening(psutil.Process().pid)
        assert everywhere.server_port in every(EVERY_ADDRESS) & found
        assert here.server_port in every("127.0.0.1") - found
