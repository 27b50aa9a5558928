"""Charts in a real browser whose clock is elsewhere than the person."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from controlplane.accounts.models import User
from controlplane.web.finders import PACKAGES, SERVED
from tests.pages import Visitor

CHARTS = Path(__file__).resolve().parents[2] / "controlplane/web/static/web/js/charts.js"
# Around the hour in which Europe's summer time ends.
POINTS = [["2026-10-25T00:30:00Z", 1], ["2026-10-25T01:30:00Z", 2], ["2026-10-25T18:30:00Z", 3]]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC"])
def test_a_page_says_in_which_zone_the_person_reads_times(viewer: Visitor, zone: str) -> None:
    User.objects.update(time_zone=zone)
    assert viewer.page("/stream/").zone == zone


@pytest.mark.browser
@pytest.mark.parametrize(
    ("zone", "times", "named"),
    [
        ("Asia/Kolkata", ["2026-10-25 06:00:00", "2026-10-25 07:00:00", "2026-10-26 00:00:00"], "Asia/Kolkata"),
        ("Europe/Berlin", ["2026-10-25 02:30:00", "2026-10-25 02:30:00", "2026-10-25 19:30:00"], "Europe/Berlin"),
        ("Not/A_Zone", ["2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 18:30:00"], "UTC"),
    ],
)
def test_a_chart_writes_times_in_the_persons_zone(browser: Browser, zone: str, times: list[str], named: str) -> None:
    page = browser.new_context(timezone_id="America/New_York").new_page()
    data = json.dumps({"series": [{"name": "bronze", "points": POINTS}]})
    page.set_content(
        f"""<html data-zone="{zone}"><body><script type="application/json" id="data">{data}</script>
        <div style="width: 900px; height: 300px" data-chart="line" data-json="data"></div></body></html>"""
    )
    page.add_script_tag(path=str(PACKAGES / SERVED["packages/echarts.min.js"]))
    page.add_script_tag(path=str(CHARTS))
    page.locator("details summary").click()
    assert page.locator("thead th").first.inner_text() == f"Time ({named})"
    assert page.locator("tbody td:first-child").all_inner_texts() == times[::-1]

    chart = "echarts.getInstanceByDom(document.querySelector('[data-chart] > div'))"
    said = page.evaluate(
        f"""() => {{
            const option = {chart}.getOption();
            return option.series[0].data.map(([at]) => [option.tooltip[0].formatter([
                {{ axisValue: at, seriesName: "x", value: [at, 1] }}]), option.xAxis[0].axisLabel.formatter(at)]);
        }}"""
    )
    assert [tooltip.split("\n")[0] for tooltip, _ in said] == times
    # A tick at midnight is the day, any other the time of the day.
    assert [tick for _, tick in said] == [at[5:10] if at.endswith("00:00:00") else at[11:16] for at in times]
    # Ticks are round in the zone: in Kolkata, half an hour off the hours of UTC, they are at its own hours.
    ticks = page.evaluate(
        f"() => {chart}.getModel().getComponent('xAxis').axis.scale.getTicks().map(({{value}}) => value)"
    )
    labels = page.evaluate(f"(ticks) => ticks.map({chart}.getOption().xAxis[0].axisLabel.formatter)", ticks[1:-1])
    assert labels
    assert [label for label in labels if not label.endswith(":00") and "-" not in label] == []
    page.context.close()
