"""What a person does, in a real browser: Debian's Chromium, driven by Playwright."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browsing import note_complaints, sign_in
from tests.labels import (
    ComparePage,
    Editor,
    EditorPage,
    Everywhere,
    FirstPage,
    Ledger,
    Lists,
    Recording,
    RecordingPages,
    RunPage,
    Runs,
    Scenario,
    ScenarioList,
    Schedule,
    SchedulePages,
    Search,
    Stream,
    StreamCharts,
    TablePage,
)
from tests.scenarios.recorded import written
from tests.stack import Stack
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.browser]

# Of what a page shows at once on a machine that has time: see PATIENCE in tests/waiting.py.
expect.set_options(timeout=15_000)

PAGES = ["", "scenarios/", "scenarios/first-light/", "scenarios/runs/", "scenarios/new/?like=dirty-data",
         "scenarios/compare/", "scenarios/recordings/", "scenarios/recordings/new/", "stream/", "runs/", "quality/",
         "lakehouse/",
         "lakehouse/bronze/events/", "lakehouse/silver/events/", "lakehouse/gold/hourly_sales/", "ledger/", "bi/",
         "scenarios/schedules/", "scenarios/schedules/new/?scenario=first-light",
         "activity/", "people/", "settings/", "settings/second-factors/", "settings/second-factors/totp/",
         "settings/second-factors/passkeys/", "settings/verify/", "api/v1/docs"]  # fmt: skip
PHONE = {"width": 390, "height": 844}
# The duration of a scenario; its stages have durations too.
LASTS = "#at-duration-seconds"


def page_of_the_admin(context: BrowserContext, stack: Stack, complaints: list[str]) -> Page:
    page = context.new_page()
    note_complaints(page, complaints)
    address = f"{stack.credentials['browser_url']}/sign-in/"
    sign_in(page, address, stack.credentials["username"], stack.credentials["password"])
    expect(page.get_by_role("heading", name=FirstPage.HEADING)).to_be_visible()
    return page


@pytest.fixture
def page(browser: Browser, stack: Stack, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield page_of_the_admin(context, stack, complaints)
    context.close()


def test_nobody_sees_a_page_without_signing_in(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    page = context.new_page()
    for path in PAGES:
        page.goto(f"{stack.credentials['browser_url']}/{path}")
        assert "/sign-in/" in page.url, path
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_the_browser_has_no_complaint(
    browser: Browser, stack: Stack, toured: str, complaints: list[str], width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = page_of_the_admin(context, stack, complaints)
    own = stack.credentials["browser_url"]
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
    # Streamlit's own page, in the frame of the gold views, looks for its server below its path and above it.
    assert [said for said in complaints if own in said and "/_stcore/" not in said] == []
    context.close()


def test_a_scenario_is_run_watched_and_accounted_for(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['browser_url']}/scenarios/")
    page.get_by_role("button", name=ScenarioList.run("First light")).click()
    page.wait_for_url(re.compile("/scenarios/runs/[0-9a-f-]{36}/"))
    run_id = page.url.rstrip("/").rsplit("/", 1)[1]
    expect(page.get_by_text("running").first).to_be_visible(timeout=60_000)
    # Live: the page is not loaded again, and yet comes to say that it is over.
    page.evaluate("window.untouched = true")
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=270_000)
    assert page.evaluate("window.untouched") is True
    run = control_plane.get(f"/scenario-runs/{run_id}")
    assert run["acknowledged"] == run["generated"] == 60_000
    expect(page.get_by_text("60,000").first).to_be_visible()
    assert complaints == []


def test_a_newcomer_makes_a_flash_sale_of_their_own_and_runs_it(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['browser_url']}/scenarios/")
    page.get_by_role("link", name=ScenarioList.clone("Flash sale")).click()
    name = f"Sale {uuid4().hex[:8]}"
    summary, entries = page.locator("#summary"), page.locator("[data-list=faults] > li")
    expect(summary).to_contain_text("194,625 records")
    page.get_by_label(EditorPage.NAME, exact=True).fill(name)
    late, negative = (
        entries.filter(has_text=kind).get_by_label(EditorPage.SHARE) for kind in ("late", "negative_price")
    )
    # What is wrong is said at the field while one writes, and the preview follows what is right.
    late.fill("200")
    expect(summary).to_contain_text(EditorPage.ONE_ERROR)
    expect(page.locator("#at-faults-0-rate-wrong")).to_contain_text("at most 100%")
    late.fill("2")
    negative.fill("1")
    page.locator(LASTS).fill("90")
    expect(summary).to_contain_text("in 1 min 30 s")
    # The document beside is the same thing.
    page.get_by_role("tab", name=Scenario.YAML).click()
    document = page.get_by_label(EditorPage.DOCUMENT)
    expect(document).to_have_value(re.compile(f"name: {name}(.|\\n)*duration_seconds: 90(.|\\n)*rate: 0.02"))
    document.fill(document.input_value().replace("duration_seconds: 90", "duration_seconds: 60"))
    expect(page.locator(LASTS)).to_have_value("60")
    page.get_by_role("button", name=Editor.SAVE_AND_RUN).click()
    page.wait_for_url(re.compile("/scenarios/runs/[0-9a-f-]{36}/"))
    run = control_plane.get(f"/scenario-runs/{page.url.rstrip('/').rsplit('/', 1)[1]}")
    kept = control_plane.get(f"/scenarios/{run['scenario']}")["versions"][0]["document"]
    assert (kept["name"], kept["duration_seconds"]) == (name, 60)
    assert {fault["kind"]: fault["rate"] for fault in kept["faults"]} == {"late": 0.02, "negative_price": 0.01}
    page.locator("#stop-button").click()
    page.get_by_role("button", name=RunPage.CONFIRM_STOP).click()
    expect(page.get_by_text("stopped").first).to_be_visible(timeout=180_000)
    assert [said for said in complaints if "422" not in said] == []


def test_a_file_is_uploaded_looked_at_and_made_a_scenario(
    page: Page, stack: Stack, tmp_path: Path, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['browser_url']}/scenarios/")
    page.get_by_role("link", name=ScenarioList.RECORDINGS).click()
    page.get_by_role("link", name=RecordingPages.UPLOAD_ONE).first.click()
    # So large that a worker of the generator reads it, while the page shows how far it is.
    rows = b"".join(
        b"2020-02-03 10:%02d:%02d,%s,u%d,p%d,%d.99\n"
        % (*divmod(n * 3600 // 70_000, 60), (b"look", b"buy")[n % 7 == 0], n % 9, n % 5, n % 90 + 1)
        for n in range(70_000)
    )
    page.set_input_files("#file", written(tmp_path, b"when,what,who,item,cost\n" + rows, "shop.csv"))
    page.get_by_role("button", name=RecordingPages.UPLOAD).click()
    page.wait_for_url(re.compile("/map/"))
    page.get_by_label(RecordingPages.meaning_of("look")).select_option("view")
    page.get_by_label(RecordingPages.meaning_of("buy")).select_option("purchase")
    expect(page.locator("#begins")).to_contain_text("purchase")
    page.get_by_role("button", name=RecordingPages.READ).click()
    expect(page.get_by_text("70,000").first).to_be_visible(timeout=90_000)
    page.get_by_role("link", name=Recording.MAKE).first.click()
    expect(page.locator("#at-name")).to_have_value("shop replayed")
    page.locator("#at-source-speed").fill("600")
    expect(page.locator("#summary")).to_contain_text("70,000 records in 6.0 s")
    page.get_by_role("button", name=Editor.SAVE, exact=True).click()
    page.wait_for_url(re.compile("/scenarios/shop-replayed/"))
    page.get_by_role("link", name="shop.csv").click()
    expect(page.get_by_role("button", name=Recording.DELETE)).to_be_disabled()
    assert complaints == []


def entered_before_scripts(page: Page, stack: Stack, path: str, enter: Callable[[Page], object]) -> None:
    """Fill in a page whose scripts are still on their way, as on a slow connection; then let them arrive."""
    held: list[Route] = []
    page.route("**/*.js", lambda route: held.append(route))
    # Of a script in the page's head, the page's own text waits; it comes at once.
    page.route("**/theme*.js", lambda route: route.continue_())
    page.goto(f"{stack.credentials['browser_url']}/{path}", wait_until="commit")
    enter(page)
    page.unroute("**/*.js")
    assert held
    for route in held:
        route.continue_()


def test_what_is_entered_before_the_scripts_run_is_taken_into_the_preview(
    page: Page, stack: Stack, complaints: list[str]
) -> None:
    entered_before_scripts(page, stack, "scenarios/new/?like=steady-day", lambda page: page.locator(LASTS).fill("77"))
    expect(page.locator("#summary")).to_contain_text("in 1 min 17 s")
    # A page that is loaded again may keep what was entered; what is shown beside it agrees.
    page.reload()
    lasts = page.locator(LASTS).input_value()
    expect(page.locator("#at-document")).to_have_value(re.compile(f"duration_seconds: {lasts}\\b"))
    assert complaints == []


def test_a_cron_expression_entered_before_the_scripts_run_shows_its_times(
    page: Page, stack: Stack, complaints: list[str]
) -> None:
    entered_before_scripts(
        page,
        stack,
        "scenarios/schedules/new/?scenario=first-light",
        lambda page: page.get_by_label(SchedulePages.CRON).fill("0 6 29 2 *"),
    )
    expect(page.locator("#next-times")).to_contain_text("02-29 06:00:00 UTC")
    assert complaints == []


def test_a_filter_chosen_before_the_scripts_run_is_applied(page: Page, stack: Stack, complaints: list[str]) -> None:
    entered_before_scripts(
        page, stack, "scenarios/schedules/", lambda page: page.locator("#standing").select_option("paused")
    )
    page.wait_for_url(re.compile(r"[?&]standing=paused"))
    assert complaints == []


def test_stages_are_added_moved_and_removed_without_a_mouse(page: Page, stack: Stack, complaints: list[str]) -> None:
    page.goto(f"{stack.credentials['browser_url']}/scenarios/new/?like=steady-day")
    stages = page.locator("[data-list='traffic.stages'] > li")
    page.get_by_role("button", name=EditorPage.ADD_STAGE).press("Enter")
    expect(stages).to_have_count(2)
    expect(stages.nth(1).get_by_label(EditorPage.SHAPE)).to_be_focused()
    stages.nth(1).get_by_label(EditorPage.RATE).fill("77")
    expect(page.locator("#at-document")).to_have_value(re.compile("events_per_second: 77"))
    page.get_by_role("button", name=EditorPage.move_up(2)).press("Enter")
    expect(stages.nth(0).get_by_label(EditorPage.RATE)).to_have_value("77")
    page.get_by_role("button", name=EditorPage.remove(1)).press("Enter")
    expect(stages).to_have_count(1)
    expect(page.locator("#summary")).to_contain_text("records in")
    assert complaints == []


def test_a_schedule_is_made_and_starts_its_run_by_itself_once(
    page: Page, stack: Stack, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['browser_url']}/scenarios/first-light/")
    page.get_by_role("link", name=Schedule.SCHEDULE, exact=True).click()
    # The next times follow what one writes, and what is wrong is said at once.
    cron, shown = page.get_by_label(SchedulePages.CRON), page.locator("#next-times")
    cron.fill("0 6 29 2 *")
    expect(shown).to_contain_text("02-29 06:00:00 UTC")
    cron.fill("0 26 * * *")
    expect(shown).to_contain_text("Invalid hour '26'")
    page.get_by_label(SchedulePages.ONCE, exact=True).check()
    expect(cron).to_be_hidden()
    at = (datetime.now(UTC) + timedelta(seconds=5)).replace(microsecond=0)
    page.get_by_label(SchedulePages.TIME, exact=True).fill(at.strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_role("button", name=Schedule.CREATE).click()
    page.wait_for_url(re.compile("/scenarios/schedules/[0-9a-f-]{36}/"))
    schedule_id = page.url.rstrip("/").rsplit("/", 1)[1]
    # Live: the page is not loaded again, and yet comes to name the run.
    link = page.locator("[id^=tick-run-]")
    expect(link).to_have_count(1, timeout=90_000)
    (tick,) = control_plane.get(f"/scenario-schedules/{schedule_id}/ticks")["items"]
    run = control_plane.post(f"/scenario-runs/{tick['run']}/stop")
    assert (datetime.fromisoformat(tick["at"]), tick["outcome"]) == (at, "started")
    assert (run["schedule"], run["requested_by"]) == (schedule_id, stack.credentials["username"])
    link.click()
    page.wait_for_url(re.compile(f"/scenarios/runs/{run['id']}/"))
    page.locator("#run-schedule").click()
    page.wait_for_url(re.compile(f"/scenarios/schedules/{schedule_id}/"))
    expect(page.get_by_text(SchedulePages.OVER, exact=True)).to_be_visible()
    assert complaints == []


def test_a_run_beyond_the_places_says_that_it_waits_and_then_goes_on(
    page: Page, stack: Stack, control_plane: ControlPlane, complaints: list[str]
) -> None:
    def state(run: str) -> str:
        return str(control_plane.get(f"/scenario-runs/{run}")["state"])

    going_on = control_plane.get("/scenario-runs", state="running")["items"]
    assert [run["id"] for run in going_on] == [], "another test has left runs behind"
    runs = []
    try:
        for _ in range(3):
            runs.append(control_plane.post("/scenarios/first-light/runs")["id"])
            # So slow that none ends by itself.
            control_plane.post(f"/scenario-runs/{runs[-1]}/speed", {"speed": 0.05})
        first, second, third = runs
        page.goto(f"{stack.credentials['browser_url']}/scenarios/runs/{third}/")
        page.evaluate("window.untouched = true")
        expect(page.get_by_text(RunPage.going_on(2, 2))).to_be_visible(timeout=60_000)
        expect(page.get_by_text(RunPage.NEXT_IN_LINE)).to_be_visible()
        for other in (first, second):
            expect(page.locator(f"#going-{other}")).to_be_visible()
        assert (state(first), state(second), state(third)) == ("running", "running", "waiting")
        assert control_plane.get(f"/scenario-runs/{third}")["place_in_line"] == 1
        control_plane.post(f"/scenario-runs/{first}/stop")
        expect(page.locator("#in-line")).to_have_count(0, timeout=90_000)
        wait_for(lambda: state(third) == "running", "the third run goes on", within=20)
        assert page.evaluate("window.untouched") is True
    finally:
        for run in runs:
            control_plane.post(f"/scenario-runs/{run}/stop")
    wait_for(lambda: {state(run) for run in runs} == {"stopped"}, "all have stopped", within=30)
    assert complaints == []


def test_a_live_run_is_paused_hurried_and_repeated_with_the_same_bytes(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['browser_url']}/scenarios/")
    page.get_by_role("button", name=ScenarioList.run("First light")).click()
    page.wait_for_url(re.compile("/scenarios/runs/[0-9a-f-]{36}/"))
    run_id = page.url.rstrip("/").rsplit("/", 1)[1]
    expect(page.get_by_text("running").first).to_be_visible(timeout=60_000)
    page.locator("#pause-button").click()
    expect(page.locator("#resume-button")).to_be_visible()
    wait_for(lambda: control_plane.get(f"/scenario-runs/{run_id}")["paused"], "the run rests", within=10)
    page.locator("#resume-button").click()
    page.get_by_role("button", name=RunPage.times(5), exact=True).click()
    expect(page.locator("#speed-now")).to_have_text(re.compile("^5"))
    assert control_plane.get(f"/scenario-runs/{run_id}")["speed"] == 5
    # Live: the rate asked for follows without the page being loaded again.
    page.evaluate("window.untouched = true")
    expect(page.locator("#replay-button")).to_be_visible(timeout=270_000)
    assert page.evaluate("window.untouched") is True
    first = control_plane.get(f"/scenario-runs/{run_id}")
    assert (first["state"], first["acknowledged"]) == ("succeeded", 60_000)
    page.locator("#replay-button").click()
    page.get_by_role("button", name=RunPage.CONFIRM_REPLAY).click()
    page.wait_for_url(lambda address: run_id not in address)
    expect(page.get_by_text(RunPage.REPEATED).first).to_be_visible(timeout=360_000)
    again = control_plane.get(f"/scenario-runs/{page.url.rstrip('/').rsplit('/', 1)[1]}")
    assert (again["replay_of"], again["digest"], again["replay_matches"]) == (run_id, first["digest"], True)
    page.locator("#compare-with-original").click()
    expect(page.get_by_text(ComparePage.SAME_BYTES)).to_be_visible()
    expect(page.get_by_text(ComparePage.SAME_DOCUMENT)).to_be_visible()
    assert complaints == []


def test_the_stream_is_stopped_and_started_again_by_undo_and_by_its_button(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    page.goto(f"{stack.credentials['browser_url']}/stream/")
    page.get_by_role("button", name=Stream.STOP, exact=True).click()
    page.get_by_role("button", name=Everywhere.UNDO).click()
    expect(page.get_by_role("button", name=Everywhere.UNDO)).to_have_count(0)
    assert control_plane.get("/stream")["desired"] == "running"
    page.get_by_role("button", name=Stream.STOP, exact=True).click()
    start = page.get_by_role("button", name=Stream.START, exact=True)
    expect(start).to_be_visible(timeout=90_000)
    wait_for(lambda: control_plane.get("/stream")["state"] == "stopped", "the stream has stopped", within=60)
    start.click()
    wait_for(lambda: control_plane.get("/stream")["state"] == "running", "the stream runs again", within=90)
    expect(page.get_by_text("running").first).to_be_visible(timeout=90_000)
    done = [entry["action"] for entry in control_plane.get("/audit")["items"]]
    assert "stream.stop" in done
    assert "stream.start" in done
    assert complaints == []


def test_the_keyboard_is_enough_to_get_about(page: Page, stack: Stack) -> None:
    page.wait_for_load_state("load")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page).to_have_url(re.compile("/lakehouse/$"))
    page.wait_for_load_state("load")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name=Search.BOX, exact=True)).to_be_focused()
    page.keyboard.type("first light")
    expect(page.get_by_role("dialog").get_by_role("link", name="First light Scenario,")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/scenarios/first-light/$"))
    page.wait_for_load_state("load")
    page.keyboard.press("/")
    page.keyboard.type("no such thing")
    expect(page.get_by_text(Search.nothing("no such thing"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search/\?q=no\+such\+thing$"))


def test_the_ledger_leads_to_what_made_its_numbers(page: Page, stack: Stack, toured: str) -> None:
    page.goto(f"{stack.credentials['browser_url']}/ledger/")
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
    sign_in(page, f"{stack.credentials['browser_url']}/sign-in/", name, password)
    expect(page.get_by_role("heading", name=FirstPage.HEADING)).to_be_visible()
    for path in ("stream/", "scenarios/", "runs/", "ledger/"):
        page.goto(f"{stack.credentials['browser_url']}/{path}")
        for action in (
            Stream.START,
            Stream.STOP,
            Runs.TRIGGER_MEDALLION,
            ScenarioList.run("First light"),
            Ledger.RECOMPUTE,
        ):
            expect(page.get_by_role("button", name=action, exact=True)).to_have_count(0)
    assert page.goto(f"{stack.credentials['browser_url']}/people/").status == 403
    context.close()


@pytest.mark.parametrize("path", ["runs/", "scenarios/runs/", "quality/", "lakehouse/", "lakehouse/silver/events/"])
def test_a_list_is_searched_and_cleared_on_a_phone(
    browser: Browser, stack: Stack, toured: str, complaints: list[str], path: str
) -> None:
    context = browser.new_context(viewport=PHONE)
    page = page_of_the_admin(context, stack, complaints)
    page.goto(f"{stack.credentials['browser_url']}/{path}")
    text = page.locator("input[name=text]")
    text.fill("nothing-like-it")
    text.press("Enter")
    page.wait_for_url(re.compile(r"[?]text=nothing-like-it(#\w+)?$"))
    clear = page.get_by_role("link", name=Everywhere.CLEAR_FILTERS)
    expect(clear).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    clear.click()
    page.wait_for_url(re.compile(f"/{path}$"))
    page.locator("select[name=sort]").select_option(
        label=Lists.OLDEST_FIRST if path != "lakehouse/" else Lists.NEWEST_COMMIT_FIRST
    )
    page.wait_for_url(re.compile("[?]sort="))
    page.locator("input[name=since]").fill("2026-01-01T00:00")
    page.get_by_role("button", name=Lists.APPLY).click()
    page.wait_for_url(re.compile("since=2026-01-01T00"))
    expect(page.locator("input[name=since]")).to_have_value("2026-01-01T00:00")
    assert complaints == []
    context.close()


def test_a_run_leads_to_the_snapshots_that_it_wrote_and_read(
    page: Page, stack: Stack, toured: str, control_plane: ControlPlane, complaints: list[str]
) -> None:
    run_id = control_plane.get("/dag-runs?state=succeeded&sort=newest")["items"][0]["run_id"]
    written = control_plane.get(f"/dag-runs/{run_id}")["lineage"]["written"]
    assert {one["table"] for one in written} >= {"silver.events", "silver.quarantine", "gold.hourly_sales"}
    silver = next(one for one in written if one["table"] == "silver.events")
    assert (silver["published"], silver["read"]["table"]) == (True, "bronze.events")
    page.goto(f"{stack.credentials['browser_url']}/runs/dag/{run_id}/")
    # The live stream has had the part asked for once more by then.
    with page.expect_response(re.compile(f"/runs/dag/{run_id}/snapshots/")):
        page.reload()
    page.locator("#snapshots").get_by_role("link", name=silver["read"]["snapshot_id"]).first.click()
    expect(page.get_by_text(TablePage.SUMMARY)).to_be_visible()
    expect(page).to_have_url(re.compile("/lakehouse/bronze/events/"))
    assert complaints == []


def test_the_charts_of_the_stream_show_a_day(page: Page, stack: Stack, toured: str, complaints: list[str]) -> None:
    page.goto(f"{stack.credentials['browser_url']}/stream/")
    with page.expect_response(re.compile("/stream/lag.json[?]range=24h")) as answered:
        page.get_by_role("link", name=StreamCharts.DAY).click()
    assert answered.value.json()["series"][0]["points"]
    expect(page.get_by_role("link", name=StreamCharts.DAY)).to_have_attribute("aria-current", "true")
    assert complaints == []
