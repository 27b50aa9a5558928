"""A real browser between the application and other programs of the same machine: cookies, frames and names."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browsing import CHROMIUM, QUIET, sign_in
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


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


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


def sign_in_as_the_admin(page: Page, stack: Stack, address: str) -> None:
    sign_in(page, address, stack.credentials["username"], stack.credentials["password"])


def test_who_signs_in_at_the_address_lands_under_the_name_and_no_neighbour_gets_the_cookie(
    context: BrowserContext, stack: Stack, neighbour: Neighbour
) -> None:
    page = context.new_page()
    sign_in_as_the_admin(page, stack, f"{stack.credentials['url']}/activity/")
    page.wait_for_url(f"{stack.credentials['browser_url']}/activity/")
    sessions = [cookie for cookie in context.cookies() if "session" in cookie["name"]]
    assert [cookie["domain"] for cookie in sessions] == [urlsplit(stack.credentials["browser_url"]).hostname]
    for name in ("127.0.0.1", "localhost", "other.localhost"):
        page.goto(f"http://{name}:{neighbour.port}/")
    assert len(neighbour.cookies) >= 3
    assert [given for given in neighbour.cookies if "session" in given] == []
    # The address itself shows the form again: nobody is signed in there.
    page.goto(f"{stack.credentials['url']}/activity/")
    assert urlsplit(page.url).path == "/sign-in/"


def test_the_dashboards_work_in_their_page(context: BrowserContext, stack: Stack) -> None:
    page = context.new_page()
    sign_in_as_the_admin(page, stack, f"{stack.credentials['browser_url']}/bi/")
    frame = page.frame_locator("iframe.bi-frame")
    # Streamlit draws this after its WebSocket has been opened.
    expect(frame.get_by_test_id("stMain")).to_be_visible(timeout=60_000)
    expect(frame.get_by_test_id("stMarkdown").first).to_be_visible(timeout=60_000)


def test_a_neighbours_page_frames_loads_and_connects_to_nothing(
    context: BrowserContext, stack: Stack, neighbour: Neighbour
) -> None:
    own = stack.credentials["browser_url"]
    page = context.new_page()
    sign_in_as_the_admin(page, stack, f"{own}/bi/")
    page.wait_for_url(f"{own}/bi/")
    neighbour.page = f"""<iframe src="{own}/bi/app/hourly_sales"></iframe><iframe src="{own}/bi/"></iframe>
        <script>const results = {{}};</script>
        <img src="{own}/spark/jobs/job/kill/?id=1" onload="results.image = 'shown'" onerror="results.image = 'refused'">
        <script>
        fetch("{own}/bi/app/_stcore/health", {{credentials: "include"}})
            .then(answer => answer.text()).then(text => results.fetched = text, () => results.fetched = "refused");
        const stream = new WebSocket("{own.replace("http", "ws")}/bi/app/_stcore/stream", ["streamlit"]);
        stream.onopen = () => results.stream = "open";
        stream.onclose = () => results.stream = results.stream || "refused";
        </script>"""
    page.goto("about:blank")
    # The worst neighbour: it knows the name, so the browser sends the cookie to it and along with what it loads.
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((urlsplit(answer.url).path, answer.status)))
    page.goto(f"http://{urlsplit(own).hostname}:{neighbour.port}/")
    page.wait_for_function("results.fetched && results.stream && results.image")
    assert page.evaluate("results") == {"fetched": "refused", "stream": "refused", "image": "refused"}
    assert {status for path, status in answers if path.startswith(("/bi/app/", "/spark/"))} == {403}
    for frame in page.frames[1:]:
        assert "Streamlit" not in frame.content()
        assert "Hourly sales" not in frame.content()


def test_a_name_that_is_rebound_to_this_machine_shows_nothing(browser: Browser, stack: Stack) -> None:
    port = urlsplit(stack.credentials["url"]).port
    rebound = browser.browser_type.launch(
        executable_path=str(CHROMIUM), args=[*QUIET, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    )
    page = rebound.new_page()
    for path in ("bi/app/hourly_sales", "bi/", "spark/jobs/", "sign-in/"):
        answer = page.goto(f"http://evil.example:{port}/{path}")
        assert answer is not None
        assert answer.status == 400, path
    rebound.close()
