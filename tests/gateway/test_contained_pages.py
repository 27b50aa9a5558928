"""A real browser on pages of Spark and Prometheus: an injected script cannot act as the user, and the pages work."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from pytest_django.fixtures import Settings

from controlplane.accounts.roles import Role
from controlplane.gateway import upstreams
from controlplane.gateway.application import Gateway
from controlplane.gateway.upstreams import Upstream
from controlplane.links import PROMETHEUS_PREFIX, SPARK_PREFIX
from tests.browsing import in_a_browser, note_violations
from tests.gateway.serving import served
from tests.gateway.visiting import PATIENT, cookie_of
from tests.ports import free_port
from tests.waiting import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

# Milliseconds for what scripts draw, on however slow a machine.
PATIENT_MS = 1000 * PATIENT

# What an injected script does with the session of the user who looks at the page. Each attempt says what it obtained.
SCRIPT = """
const results = {}, violations = new Set();
document.addEventListener("securitypolicyviolation", event => violations.add(event.effectiveDirective));
const attempt = (name, work) =>
    Promise.resolve().then(work).then(value => results[name] = value || "refused", () => results[name] = "refused");
const loaded = (element, address) => new Promise((done, failed) => {
    element.onload = () => done("loaded");
    element.onerror = failed;
    document.body.append(Object.assign(element, address));
});
window.attempts = async other => {
    await attempt("fetch", () => fetch("/api/v1/me").then(answer => answer.text()));
    await attempt("redirected", () => fetch(`${other}/moved`).then(answer => answer.text()));
    await attempt("dots", () => fetch(`${location.pathname}/../../api/v1/me`).then(answer => answer.text()));
    await attempt("request", () => new Promise((done, failed) => {
        const request = new XMLHttpRequest();
        request.onload = () => done(request.responseText);
        request.onerror = failed;
        request.open("POST", "/api/v1/me");
        request.send();
    }));
    await attempt("beacon", () => navigator.sendBeacon("/api/v1/me", "x") ? "queued" : "refused");
    await attempt("window", () => window.open("/settings/") ? "opened" : "refused");
    await attempt("image", () => loaded(new Image(), {src: "/api/v1/me"}));
    await attempt("script", () => loaded(document.createElement("script"), {src: "/api/v1/me"}));
    await attempt("worker", () => new Promise((done, failed) => {
        const worker = new Worker("/api/v1/me");
        worker.onerror = failed;
        worker.onmessage = done;
    }));
    await attempt("service worker", () => navigator.serviceWorker.register("/api/v1/me"));
    await attempt("frame", async () => {
        const frame = document.createElement("iframe");
        frame.src = "/settings/";
        const there = new Promise(done => frame.onload = done);
        document.body.append(frame);
        await there;
        return frame.contentDocument.body.textContent.trim();
    });
    await attempt("empty frame", () => {
        const frame = document.createElement("iframe");
        document.body.append(frame);
        return frame.contentWindow.fetch("/api/v1/me").then(answer => answer.text());
    });
    return results;
};
window.send = target => {
    const form = Object.assign(document.createElement("form"), {action: "/settings/", method: "post", target});
    document.body.append(form);
    form.submit();
};
"""
HOSTILE = f"<!doctype html><meta charset=utf-8><title>Hostile</title><body><script>{SCRIPT}</script>"
PAGE = "<!doctype html><meta charset=utf-8><title>Settings</title><body>the settings of the user</body>"
REFUSED = ("fetch", "redirected", "dots", "request", "window", "image", "script", "worker", "service worker", "frame",
           "empty frame")  # fmt: skip


@dataclass
class Pages:
    """An ASGI application that answers each path with a page, and notes who requests what."""

    pages: dict[str, tuple[int, str, str]]
    requests: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.requests.append((scope["method"], scope["path"]))
        status, kind, text = self.pages.get(scope["path"], (404, "text/plain", "none"))
        named = {"content-type": kind} if status == 200 else {"location": text}
        headers = [(name.encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode() if status == 200 else b""})


@asynccontextmanager
async def behind(upstream: Pages, known: list[Upstream]) -> AsyncIterator[tuple[str, Pages]]:
    """The gateway before the application, and the upstream behind it."""
    me = (200, "application/json", '{"name": "admin"}')
    application = Pages({"/api/v1/me": me, "/settings/": (200, "text/html", PAGE)})
    async with served(upstream) as address:
        ours = [replace(one, address=address, base="/", certificates="") for one in known]
        async with served(Gateway(application, lambda: ours)) as gateway:
            # As an upstream that knows the address of browsers would: with a path, it is a redirect to the application.
            upstream.pages["/moved"] = (302, "", f"{gateway}/api/v1/me")
            yield gateway, application


@pytest.fixture
def known(settings: Settings) -> list[Upstream]:
    settings.BI_URL, settings.SPARK_UI_TOKEN = "", ""
    settings.PROMETHEUS_INTERNAL_URL = "http://127.0.0.1:9090/prometheus/"
    found = upstreams.upstreams()
    assert [one.prefix for one in found] == [SPARK_PREFIX, PROMETHEUS_PREFIX]
    return found


def context_of(browser: Browser, address: str, cookie: str) -> BrowserContext:
    """A browser whose user has signed in."""
    name, _, value = cookie.partition("=")
    context = browser.new_context()
    context.add_cookies([{"name": name, "value": value, "url": address, "httpOnly": True, "sameSite": "Lax"}])
    return context


@pytest.mark.parametrize("prefix", [SPARK_PREFIX, PROMETHEUS_PREFIX])
def test_an_injected_script_does_nothing_as_the_user(known: list[Upstream], settings: Settings, prefix: str) -> None:
    cookie = cookie_of(Role.ADMIN, settings)
    upstream = Pages({"/page": (200, "text/html; charset=utf-8", HOSTILE)})

    async def all_of_it() -> None:
        async with behind(upstream, known) as (gateway, application):

            def attack(browser: Browser) -> tuple[dict[str, str], int, str]:
                context = context_of(browser, gateway, cookie)
                page = context.new_page()
                page.goto(f"{gateway}{prefix}page")
                results = page.evaluate(f"attempts({json.dumps(prefix.rstrip('/'))})")
                for target in ("_blank", "_top", "_self"):
                    page.evaluate(f"send('{target}')")
                page.wait_for_function("violations.has('form-action')")
                return results, len(context.pages), page.url

            results, windows, address = await asyncio.to_thread(in_a_browser, attack)
            assert {name: results[name] for name in REFUSED} == dict.fromkeys(REFUSED, "refused")
            assert (windows, address) == (1, f"{gateway}{prefix}page")
            assert ("GET", "/page") in upstream.requests
            assert application.requests == []

    asyncio.run(all_of_it())


def test_the_same_script_acts_as_the_user_without_the_policy(known: list[Upstream], settings: Settings) -> None:
    """What the other test finds refused is possible in this browser."""
    cookie = cookie_of(Role.ADMIN, settings)
    upstream = Pages({"/page": (200, "text/html; charset=utf-8", HOSTILE)})

    async def all_of_it() -> None:
        open_to_all = [replace(one, policy="default-src * 'unsafe-inline'") for one in known]
        async with behind(upstream, open_to_all) as (gateway, application):

            def attack(browser: Browser) -> dict[str, str]:
                page = context_of(browser, gateway, cookie).new_page()
                page.goto(f"{gateway}{SPARK_PREFIX}page")
                results = page.evaluate("attempts('/spark')")
                page.evaluate("send('_self')")
                page.wait_for_url(f"{gateway}/settings/")
                return dict(results)

            results = await asyncio.to_thread(in_a_browser, attack)
            assert results["fetch"] == results["dots"] == results["request"] == results["empty frame"]
            assert json.loads(results["fetch"]) == {"name": "admin"}
            assert (results["window"], results["frame"]) == ("opened", "the settings of the user")
            assert {("POST", "/api/v1/me"), ("POST", "/settings/")} <= set(application.requests)

    asyncio.run(all_of_it())


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """A real Prometheus that scrapes itself, as `make up` starts ours."""
    binary = shutil.which("prometheus")
    if not binary:
        pytest.skip("Prometheus's pages are not tried: there is no prometheus on the PATH.")
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(
        "scrape_configs: [{job_name: prometheus, scrape_interval: 1s, metrics_path: /prometheus/metrics, "
        f"static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    )
    command = [
        *(binary, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--web.external-url=http://127.0.0.1/prometheus/"),
        *("--web.route-prefix=/prometheus/", "--log.level=warn"),
    ]
    with subprocess.Popen(command) as process:
        yield f"http://127.0.0.1:{port}/prometheus/"
        process.terminate()


def test_prometheuss_pages_work(known: list[Upstream], settings: Settings, prometheus: str) -> None:
    cookie = cookie_of(Role.OPERATOR, settings)
    settings.PROMETHEUS_INTERNAL_URL = prometheus
    violations: list[str] = []

    def look(browser: Browser, gateway: str) -> None:
        page = context_of(browser, gateway, cookie).new_page()
        page.set_default_timeout(PATIENT_MS)
        note_violations(page, violations)
        wait_for(lambda: httpx.get(f"{prometheus}api/v1/query?query=up", trust_env=False).json()["data"]["result"],
                 "Prometheus has scraped itself", within=30)  # fmt: skip
        page.goto(f"{gateway}{PROMETHEUS_PREFIX}graph?g0.expr=up&g0.tab=1")
        expect(page.locator("table tbody")).to_contain_text('job="prometheus"', timeout=PATIENT_MS)
        page.goto(f"{gateway}{PROMETHEUS_PREFIX}graph?g0.expr=up&g0.tab=0&g0.range_input=1m")
        # A chart of the old user interface, which Debian has, or of the new one.
        expect(page.locator(".graph_area svg, .graph-chart canvas").first).to_be_visible(timeout=PATIENT_MS)
        page.get_by_role("link", name="Alerts").click()
        expect(page.locator("body")).to_contain_text("Inactive", timeout=PATIENT_MS)

    async def all_of_it() -> None:
        async with served(Gateway(Pages({}), upstreams.upstreams)) as gateway:
            await asyncio.to_thread(in_a_browser, lambda browser: look(browser, gateway))

    asyncio.run(all_of_it())
    assert violations == []


# Spark's own user interface, after a query with a shuffle. It ends with its standard input.
SPARK_PROGRAM = """
import sys
from pyspark.sql import SparkSession
settings = {"ui.port": sys.argv[1], "driver.host": "127.0.0.1", "driver.memory": "512m", "sql.shuffle.partitions": "2"}
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(f"spark.{name}", value)
builder.getOrCreate().range(100).selectExpr("id % 3 AS rest").groupBy("rest").count().collect()
print("done", flush=True)
sys.stdin.read()
"""
SPARK_PAGES = ("jobs/", "stages/", "storage/", "environment/", "executors/", "SQL/")


@pytest.fixture
def spark_ui() -> Iterator[str]:
    """The address of a real Spark user interface."""
    port = free_port()
    command = [sys.executable, "-c", SPARK_PROGRAM, str(port)]
    known = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    with subprocess.Popen(command, env=known, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert any(line == "done\n" for line in process.stdout), "Spark has ended"
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()


def test_sparks_pages_work(known: list[Upstream], settings: Settings, spark_ui: str) -> None:
    cookie = cookie_of(Role.OPERATOR, settings)
    settings.SPARK_UI_URL = spark_ui
    violations: list[str] = []

    def look(browser: Browser, gateway: str) -> None:
        own = f"{gateway}{SPARK_PREFIX}"
        page = context_of(browser, gateway, cookie).new_page()
        page.set_default_timeout(PATIENT_MS)
        note_violations(page, violations)
        for path in SPARK_PAGES:
            page.goto(own + path)
            expect(page.locator(".navbar")).to_be_visible(timeout=PATIENT_MS)
        # Scripts fill this table with what they request from Spark's API.
        page.goto(f"{own}executors/")
        expect(page.locator("#active-executors-table tbody tr")).to_contain_text("driver", timeout=PATIENT_MS)
        # Graphs.
        page.goto(f"{own}SQL/")
        page.locator("a[href*='/SQL/execution/']").first.click()
        expect(page.locator("#plan-viz-graph svg g.node").first).to_be_visible(timeout=PATIENT_MS)
        page.goto(f"{own}jobs/")
        page.locator("a[href*='/jobs/job/']").first.click()
        page.get_by_text("DAG Visualization").click()
        expect(page.locator("#dag-viz-graph svg g.node").first).to_be_visible(timeout=PATIENT_MS)
        page.locator("a[href*='/stages/stage/']").first.click()
        page.get_by_text("Event Timeline").first.click()
        expect(page.locator("#task-assignment-timeline .vis-timeline")).to_be_visible(timeout=PATIENT_MS)
        # A form, of the pages of a table.
        page.goto(f"{own}stages/")
        page.locator("form input[type=submit], form button[type=submit]").first.click()
        page.wait_for_url(f"{own}stages/?**")

    async def all_of_it() -> None:
        async with served(Gateway(Pages({}), upstreams.upstreams)) as gateway:
            await asyncio.to_thread(in_a_browser, lambda browser: look(browser, gateway))

    asyncio.run(all_of_it())
    assert violations == []
