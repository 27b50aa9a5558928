"""A real browser between the application and other programs of the same machine: cookies, frames and names."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from compose.local.credentials import HOST_NAMES, load_secrets
from tests.browsing import CHROMIUM, QUIET, sign_in
from tests.neighbour import Neighbour, visited_under_every_known_name
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


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
    assert [given for given in visited_under_every_known_name(page, neighbour) if "session" in given] == []
    # The address itself shows the form again: nobody is signed in there.
    page.goto(f"{stack.credentials['url']}/activity/")
    assert urlsplit(page.url).path == "/sign-in/"


def test_airflows_session_has_a_host_name_of_its_own_and_no_neighbour_gets_its_cookie(
    context: BrowserContext, stack: Stack, neighbour: Neighbour
) -> None:
    page = context.new_page()
    sign_in_as_the_admin(page, stack, f"{stack.credentials['browser_url']}/")
    own = stack.connections["airflow_browser_url"]
    # The Overview leads to the name, for a user who has signed in.
    with context.expect_page() as opened:
        page.get_by_role("link", name="Airflow", exact=True).click()
    airflow = opened.value
    airflow.wait_for_url(f"{own}/**")
    airflow.locator("[name=username]").fill(stack.connections["airflow_username"])
    airflow.locator("[name=password]").fill(stack.connections["airflow_password"])
    airflow.keyboard.press("Enter")
    expect(airflow.get_by_role("link", name="Dags", exact=True)).to_be_visible(timeout=60_000)
    (cookie,) = [one for one in context.cookies(own) if one["name"] == "_token"]
    assert cookie["domain"] == urlsplit(own).hostname
    assert set(visited_under_every_known_name(airflow, neighbour)) == {""}
    # A cookie that another program has set for 127.0.0.1 is no session there, and there is no page to sign in.
    copied = {"name": "_token", "value": cookie["value"], "url": stack.connections["airflow"]}
    context.add_cookies([copied])  # type: ignore[list-item]
    for path in ("/", "/auth/login/", "/dags/medallion", "/api/v2/dags"):
        answer = airflow.goto(f"{stack.connections['airflow']}{path}")
        assert answer is not None
        assert answer.status == 421, path
    answer = airflow.goto(f"{own}/api/v2/dags")
    assert answer is not None
    assert answer.status == 200


def test_a_stranger_is_not_told_the_host_names(stack: Stack) -> None:
    names = [load_secrets(stack.data)[name] for name in HOST_NAMES]
    addresses = [stack.credentials["url"], stack.connections["airflow"]]
    if stack.settings.runs_minio:
        addresses += [f"http://127.0.0.1:{stack.settings.port(name)}" for name in ("MINIO_PORT", "MINIO_CONSOLE_PORT")]
    paths = ("/", "/nowhere", "/login", "/sign-in/", "/auth/login/", "/auth/token/login", "/dags", "/openapi.json",
             "/api/v1/login", "/api/v1/docs", "/api/v2/auth/login?next=/x", "/api/v2/auth/logout", "/api/v2/version",
             "/api/v2/monitor/health", "/api/v2/config", "/execution/health", "/spark/", "/minio/",
             "/metrics")  # fmt: skip
    told = []
    for address in addresses:
        for path in paths:
            for host in (urlsplit(address).netloc, "localhost", "other.localhost", "evil.example"):
                headers = {"Host": host, "Accept": "text/html", "User-Agent": "Mozilla/5.0"}
                answer = httpx.get(f"{address}{path}", headers=headers, timeout=30, trust_env=False)
                if any(name in f"{answer.headers} {answer.text}" for name in names):
                    told.append((address, path, host))
    assert told == []


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
