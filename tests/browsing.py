"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

Result = TypeVar("Result")
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; where there is none the tests say so loudly and skip."""
    _needed()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield running
        running.close()


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    """Fill in and send the sign-in form that `address` shows or leads to."""
    page.goto(address)
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")


def note_complaints(page: Page, complaints: list[str]) -> None:
    """Keep what the browser complains of: errors of scripts, and whatever the content security policy stopped."""
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: said.type == "error" and complaints.append(f"{page.url}: {said.text} ({said.location})"),
    )


def note_violations(page: Page, violations: list[str]) -> None:
    """Keep what the content security policy of a page stopped."""
    page.on(
        "console",
        lambda said: "Content Security Policy" in said.text and violations.append(f"{page.url}: {said.text}"),
    )


def in_a_browser(work: Callable[[Browser], Result]) -> Result:
    """What `work` gives, done with a browser in a thread of its own, for tests that use the database themselves:
    Playwright keeps an event loop in its thread, where Django refuses that."""
    _needed()

    def run() -> Result:
        with sync_playwright() as playwright:
            running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
            try:
                return work(running)
            finally:
                running.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def _needed() -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"NO BROWSER: {CHROMIUM} is missing. Install chromium, or these tests say nothing of the pages.")
