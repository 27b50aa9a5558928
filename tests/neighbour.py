"""Another account of the machine with a web server on a port of its own: cookies ignore ports."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page

# Names under which browsers find every port of this machine, and which anyone knows.
KNOWN_NAMES = ("127.0.0.1", "localhost", "other.localhost")


@dataclass
class Neighbour:
    """What another account of the machine may start: a web server on a port of its own, with a page of its choice."""

    page: str = ""
    cookies: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    known = Neighbour()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.cookies.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(known.page.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield known
        server.shutdown()


def visited_under_every_known_name(page: Page, neighbour: Neighbour) -> list[str]:
    """The cookies that the neighbour gets when a user opens its pages."""
    before = len(neighbour.cookies)
    for name in KNOWN_NAMES:
        page.goto(f"http://{name}:{neighbour.port}/")
    assert len(neighbour.cookies) >= before + len(KNOWN_NAMES)
    return neighbour.cookies[before:]
