"""MinIO's console in a real browser: its session has a host name of its own."""

from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.neighbour import Neighbour, visited_under_every_known_name
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.minio, pytest.mark.browser]


def test_nobody_signs_in_at_loopback_and_no_neighbour_gets_the_cookie(
    browser: Browser, stack: Stack, neighbour: Neighbour
) -> None:
    context = browser.new_context()
    page, own = context.new_page(), stack.connections["minio_console"]
    keys = {name: stack.connections["catalog"][f"s3.{name}"] for name in ("access-key-id", "secret-access-key")}
    page.goto(own)
    page.locator("#accessKey").fill(keys["access-key-id"])
    page.locator("#secretKey").fill(keys["secret-access-key"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{own}/browser**")
    expect(page.get_by_text("lakehouse").first).to_be_visible()
    assert [(cookie["name"], cookie["domain"]) for cookie in context.cookies()] == [("token", urlsplit(own).hostname)]
    assert set(visited_under_every_known_name(page, neighbour)) == {""}

    for name in ("127.0.0.1", "localhost"):
        address = f"http://{name}:{urlsplit(own).port}/login"
        with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
            page.goto(address)
        assert page.locator("input").count() == 0, address
    browsers = {"User-Agent": "Mozilla/5.0", "Accept": "text/html"}
    api = httpx.get(f"http://127.0.0.1:{stack.settings.port('MINIO_PORT')}/", headers=browsers, trust_env=False)
    assert "location" not in api.headers
    context.close()
