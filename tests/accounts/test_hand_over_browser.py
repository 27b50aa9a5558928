"""Handing a session over in a real browser, and what pages of other sites can do with a code; and signing out."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Browser, expect
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from tests.accounts.clients import RIGHT
from tests.accounts.serving import web_server
from tests.browsing import in_a_browser, sign_in
from tests.labels import SignIn
from tests.ports import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def evil() -> Iterator[ThreadingHTTPServer]:
    """A page of another account's program: on another port of this machine, whose content a test sets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = server.page.encode()  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.page = ""  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_session_is_handed_over_by_a_page_of_ours_alone(
    settings: Settings, tmp_path: Path, evil: ThreadingHTTPServer
) -> None:
    settings.PASSWORD_HASHERS = [f"{PBKDF2PasswordHasher.__module__}.{PBKDF2PasswordHasher.__qualname__}"]
    for name, role in (("victor", Role.ADMIN), ("eve", Role.VIEWER)):
        User.objects.create_user(name, password=RIGHT, role=role)
    port = free_port()
    own = f"http://lakehouse-q3x7k2ab.localhost:{port}"

    def work(browser: Browser) -> None:
        # With scripts the form is sent by itself; without them by its button.
        for scripts in (True, False):
            context = browser.new_context(java_script_enabled=scripts)
            context.set_default_timeout(60_000)
            page = context.new_page()
            sign_in(page, f"{here}/sign-in/?next=/activity/", "victor", RIGHT)
            if not scripts:
                page.get_by_role("button", name=SignIn.CONTINUE).click()
            page.wait_for_url(f"{own}/activity/")
            assert [one["domain"] for one in context.cookies() if "session" in one["name"]] == [urlsplit(own).hostname]
            context.close()

        # Eve signs in in a browser of her own and keeps the code, which her page sends in Victor's browser.
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        sign_in(page, f"{here}/sign-in/?next=/activity/", "eve", RIGHT)
        expect(page.get_by_role("button", name=SignIn.CONTINUE)).to_be_visible(timeout=60_000)
        code = page.locator("input[name=code]").get_attribute("value")
        context.close()
        context = browser.new_context()
        context.set_default_timeout(60_000)
        page = context.new_page()
        form = f'<form method="post" action="{own}/session/"><input name="code" value="{code}"></form>'
        for policy in ("", '<meta name="referrer" content="no-referrer">'):
            evil.page = f"{policy}{form}<script>document.forms[0].submit()</script>"  # type: ignore[attr-defined]
            page.goto(f"http://127.0.0.1:{evil.server_address[1]}/")
            page.wait_for_url(f"{own}/session/")
            expect(page.get_by_text(SignIn.TOO_OLD)).to_be_visible()
            page.goto(f"{own}/activity/")
            assert urlsplit(page.url).path == "/sign-in/"
        context.close()

        # Signing out in one tab empties the other.
        context = browser.new_context()
        context.set_default_timeout(60_000)
        first, second = context.new_page(), context.new_page()
        sign_in(first, f"{own}/sign-in/?next=/activity/", "victor", RIGHT)
        first.wait_for_url(f"{own}/activity/")
        second.goto(f"{own}/people/")
        expect(second.get_by_role("link", name="eve")).to_be_visible()
        first.get_by_role("button", name=SignIn.SIGN_OUT, exact=True).click()
        first.wait_for_url(f"{own}/sign-in/")
        expect(second.get_by_text(SignIn.SIGNED_OUT)).to_be_visible()
        assert "eve" not in second.content()
        context.close()

    with web_server(tmp_path, port=port, PUBLIC_URL=own) as here:
        in_a_browser(work)
