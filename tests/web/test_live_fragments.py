"""Live fragments in a real browser: an update changes what differs, and leaves what a person does on the page alone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from controlplane.web.finders import PACKAGES, SERVED

LIVE = Path(__file__).resolve().parents[2] / "controlplane/web/static/web/js/live.js"
SCRIPTS = (
    *(PACKAGES / SERVED[f"packages/{name}.min.js"] for name in ("htmx", "htmx-sse", "idiomorph-ext")),
    LIVE,
)
ADDRESS = "http://lakehouse.localhost"


def _fragment(number: int) -> str:
    rows = "".join(f"<p>row {row} of {number}</p>" for row in range(200))
    return (
        f'<h2 id="title">update {number}</h2>'
        f'<button id="stop">Stop {number}</button>'
        f'<input id="rate" value="{number}">'
        f'<input id="token" type="hidden" value="token {number}">'
        f'<details id="more"><summary>More</summary><p>detail {number}</p></details>'
        f"<details><summary>Without id</summary><p>other {number}</p></details>"
        f'<div id="list" tabindex="0">{rows}</div>'
    )


@pytest.fixture
def live(browser: Browser) -> Page:
    """A page with one live fragment. `window.update(number)` delivers its next version, as the stream does."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS)
        if path.startswith("/script-"):
            route.fulfill(content_type="text/javascript", path=SCRIPTS[int(path[-1])])
            return
        scripts = "".join(f'<script src="/script-{number}" defer></script>' for number in range(len(SCRIPTS)))
        content = (
            f'<main hx-ext="sse,morph" hx-swap="morph:innerHTML" sse-connect="/live/">'
            f'<div id="live" sse-swap="part">{_fragment(0)}</div></main>'
        )
        style = "<style>#list { height: 100px; overflow: auto }</style>"
        route.fulfill(content_type="text/html", body=f"<!doctype html><head>{style}{scripts}</head><body>{content}")

    page = browser.new_page()
    # The stream's end is in the page's own hands: a response that Playwright gives is complete at once.
    page.add_init_script(
        """
        window.EventSource = class extends EventTarget {
          constructor() { super(); window.stream = this; this.readyState = 1; }
          close() {}
        };
        window.EventSource.CLOSED = 2;
        window.update = (html) => window.stream.dispatchEvent(new MessageEvent("part", { data: html }));
        """
    )
    page.route("**/*", answer)
    page.goto(f"{ADDRESS}/")
    page.wait_for_function("window.stream !== undefined")
    return page


def _update(page: Page, number: int) -> None:
    page.evaluate("html => window.update(html)", _fragment(number))
    expect(page.locator("#title")).to_have_text(f"update {number}")


@pytest.mark.browser
def test_an_update_shows_its_texts_and_values(live: Page) -> None:
    _update(live, 1)
    expect(live.get_by_role("button")).to_have_text("Stop 1")
    expect(live.locator("#rate")).to_have_value("1")
    expect(live.locator("#token")).to_have_value("token 1")
    expect(live.locator("#list")).to_contain_text("row 199 of 1")
    expect(live.locator("h2")).to_have_count(1)


@pytest.mark.browser
def test_the_focus_and_a_text_being_entered_stay(live: Page) -> None:
    live.locator("#stop").focus()
    _update(live, 1)
    expect(live.get_by_role("button", name="Stop 1")).to_be_focused()
    live.locator("#rate").fill("250")
    _update(live, 2)
    expect(live.locator("#rate")).to_be_focused()
    expect(live.locator("#rate")).to_have_value("250")
    live.locator("#stop").focus()
    _update(live, 3)
    expect(live.locator("#rate")).to_have_value("3")


@pytest.mark.browser
def test_expanded_details_stay_expanded_and_collapsed_ones_collapsed(live: Page) -> None:
    first, second = live.locator("details").nth(0), live.locator("details").nth(1)
    first.locator("summary").click()
    second.locator("summary").click()
    _update(live, 1)
    expect(first).to_have_attribute("open", "")
    expect(second).to_have_attribute("open", "")
    expect(first.locator("p")).to_have_text("detail 1")
    first.locator("summary").click()
    _update(live, 2)
    expect(first).not_to_have_attribute("open", "")
    expect(second).to_have_attribute("open", "")


@pytest.mark.browser
def test_a_list_stays_where_it_was_scrolled_to(live: Page) -> None:
    scrolled = live.locator("#list").evaluate("list => { list.scrollTop = 1234; return list.scrollTop; }")
    assert scrolled > 0
    _update(live, 1)
    assert live.locator("#list").evaluate("list => list.scrollTop") == scrolled
