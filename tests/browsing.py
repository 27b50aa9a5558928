"""A real browser for tests: Debian's Chromium, driven by Playwright."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, sync_playwright

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
