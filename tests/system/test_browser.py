"""What a person does, in a real browser: Debian's Chromium, driven by Playwright."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = ["", "scenarios/", "scenarios/first-light/", "scenarios/runs/", "stream/", "runs/", "quality/", "lakehouse/",
         "lakehouse/bronze/events/", "lakehouse/silver/events/", "lakehouse/gold/hourly_sales/", "ledger/", "bi/",
         "activity/", "people/", "settings/", "api/v1/docs"]  # fmt: skip
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"NO BROWSER: {CHROMIUM} is missing. Install chromium, or these tests say nothing of the pages.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors of scripts, and whatever the content security policy stopped."""
    return []


def signed_in(context: BrowserContext, stack: Stack, complaints: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda said: said.type == "error" and complaints.append(f"{page.url}: {said.text} ({said.location})"),
    )
    page.goto(f"{stack.credentials['url']}/sign-in/")
    page.get_by_label("Name", exact=False).first.fill(stack.credentials["username"])
    page.locator("input[type=password]").fill(stack.credentials["password"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


@pytest.fixture
def page(browser: Browser, stack: Stack, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield signed_in(context, stack, complaints)
    context.close()


def test_nobody_sees_a_page_without_signing_in(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    page = context.new_page()
    for path in PAGES:
        page.goto(f"{stack.credentials['url']}/{path}")
        assert "/sign-in/" in page.url, path
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_the_browser_has_no_complaint(
    browser: Browser, stack: Stack, toured: str, complaints: list[str], width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = signed_in(context, stack, complaints)
    own = stack.credentials["url"]
    for path in PAGES:
        answer = page.goto(f"{own}/{path}")
        assert answer is not None
        assert answer.status == 200, path
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy.split("style-src")[0]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than the screen"
        if path != "api/v1/docs":
            expect(page.locator("h1").first).to_be_visible()
            theme = page.evaluate("document.documentElement.getAttribute('data-bs-theme')")
            assert theme == scheme, path
    # What stands in the frame of the gold views is Streamlit's own page.
    assert [said for said in complaints if own in said and "8501" not in said and "/bi/" not in said] == []
    context.close()


def test_a_scenario_is_run_watched_and_accounted_for(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['url']}/scenarios/")
    page.get_by_role("button", name="Run First light").click()
    page.wait_for_url(re.compile("/scenarios/runs/[0-9a-f-]{36}/"))
    run_id = page.url.rstrip("/").rsplit("/", 1)[1]
    expect(page.get_by_text("running").first).to_be_visible(timeout=20_000)
    # Live: the page is not loaded again, and yet comes to say that it is over.
    page.evaluate("window.untouched = true")
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=90_000)
    assert page.evaluate("window.untouched") is True
    run = control_plane.get(f"/scenario-runs/{run_id}")
    assert run["acknowledged"] == run["generated"] == 60_000
    expect(page.get_by_text("60,000").first).to_be_visible()
    assert complaints == []


def test_the_stream_is_stopped_after_a_question_and_started_again(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['url']}/stream/")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    assert control_plane.get("/stream")["desired"] == "running"
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Stop the stream").click()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_visible(timeout=30_000)
    wait_for(lambda: control_plane.get("/stream")["state"] == "stopped", "the stream has stopped", within=60)
    start.click()
    wait_for(lambda: control_plane.get("/stream")["state"] == "running", "the stream runs again", within=90)
    expect(page.get_by_text("running").first).to_be_visible(timeout=30_000)
    done = [entry["action"] for entry in control_plane.get("/audit")["items"]]
    assert "stream.stop" in done
    assert "stream.start" in done
    assert complaints == []


def test_the_keyboard_is_enough_to_get_about(page: Page, stack: Stack) -> None:
    page.wait_for_load_state("load")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page).to_have_url(re.compile("/(lakehouse|ledger)/"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_ledger_leads_to_what_made_its_numbers(page: Page, stack: Stack, toured: str) -> None:
    page.goto(f"{stack.credentials['url']}/ledger/")
    page.get_by_role("link", name="silver.quarantine").first.click()
    expect(page).to_have_url(re.compile("/lakehouse/silver/quarantine/"))


def test_a_viewer_sees_everything_and_may_do_nothing(
    browser: Browser, stack: Stack, toured: str, control_plane: ControlPlane
) -> None:
    name, password = "reads-only", "correct horse battery staple"
    if name not in [person["username"] for person in control_plane.get("/people")["items"]]:
        control_plane.post("/people", {"username": name, "password": password, "role": "viewer"})
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{stack.credentials['url']}/sign-in/")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for path in ("stream/", "scenarios/", "runs/", "ledger/"):
        page.goto(f"{stack.credentials['url']}/{path}")
        for action in ("Start", "Stop", "Run medallion", "Run First light", "Count again"):
            expect(page.get_by_role("button", name=action, exact=True)).to_have_count(0)
    assert page.goto(f"{stack.credentials['url']}/people/").status == 403
    context.close()
