"""The mark of a live page in a real browser, when its stream ends because the session has."""

from pathlib import Path

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Route, expect

from controlplane.web.finders import PACKAGES, SERVED
from controlplane.web.sse import SESSION_ENDED

LIVE = Path(__file__).resolve().parents[2] / "controlplane/web/static/web/js/live.js"
SCRIPTS = (
    *(PACKAGES / SERVED[f"packages/{name}.min.js"] for name in ("htmx", "htmx-sse", "idiomorph-ext")),
    LIVE,
)


@pytest.mark.browser
def test_a_page_says_that_the_session_has_ended_and_leads_to_the_sign_in(browser: Browser) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://lakehouse.localhost")
        if path == "/live/":
            asked.append(path)
            route.fulfill(content_type="text/event-stream", body=SESSION_ENDED.decode())
        elif path.startswith("/script-"):
            route.fulfill(content_type="text/javascript", path=SCRIPTS[int(path[-1])])
        else:
            scripts = "".join(f'<script src="/script-{number}" defer></script>' for number in range(len(SCRIPTS)))
            live = '<main hx-ext="sse" sse-connect="/live/"><div sse-swap="a">as it was</div></main>'
            mark = render_to_string("web/_live.html")
            route.fulfill(
                content_type="text/html", body=f"<!doctype html><head>{scripts}</head><body>{mark}{live}</body>"
            )

    page = browser.new_page()
    page.route("**/*", answer)
    page.goto("http://lakehouse.localhost/runs/?state=failed")
    mark = page.locator("[data-live]")
    expect(mark).to_have_attribute("data-live", "ended")
    expect(mark).to_contain_text("Session ended.")
    expect(mark.get_by_role("link", name="Sign in")).to_have_attribute(
        "href", "/sign-in/?next=%2Fruns%2F%3Fstate%3Dfailed"
    )
    expect(page.locator("main")).to_have_text("as it was")
    # The stream is not opened again, and a lost network says nothing else.
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(mark).to_have_attribute("data-live", "ended")
    assert asked == ["/live/"]
