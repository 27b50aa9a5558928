"""What `tests.pages` reads from a page is what the page says."""

import pytest

from tests.pages import Page

PAGE = Page(
    """<!doctype html><html><head><title>Stream</title></head><body>
<header class="page-header"><h1>Stream <span data-state="running"><i></i><span>running</span></span></h1>
<p class="page-subtitle">From topic to bronze</p>
<form method="post" action="stop/" data-confirm="Stop it?"><input type="hidden" name="request_id" value="7">
<button class="btn" aria-label="Stop"><i></i></button></form></header>
<main><div id="messages"><div class="alert">Started.</div></div>
<div class="card"><div class="card-header"><h2>Batches</h2></div><table>
<thead><tr><th>Batch</th><th aria-label="State"></th></tr></thead>
<tbody><tr><th>1</th><td><span data-state="failed">failed</span></td></tr>
<tr><th>2</th><td>late<div>by 3 s</div></td></tr></tbody></table></div>
<div class="card" id="settings"><h3>Settings</h3><div class="datagrid-item"><div class="datagrid-title">Trigger</div>
<div class="datagrid-content">5 s</div></div>
<form method="get"><label for="rate">Rate</label><input id="rate" name="rate" value="9" aria-describedby="why">
<div id="why" class="invalid-feedback">Rate is above 5.</div>
<select name="unit" aria-label="Unit"><option value="">all</option><option value="h" selected>per hour</option></select>
<input type="checkbox" name="loop" value="yes"><textarea name="text">
two
lines</textarea>
<button name="act" value="apply">Apply</button><button disabled>Reset</button></form>
<a href="/lakehouse/">Its "table"</a></div></main></body></html>""",
    address="/stream/",
)


def test_headings_states_and_messages() -> None:
    assert (PAGE.title, PAGE.heading, PAGE.subheading) == ("Stream", "Stream running", "From topic to bronze")
    assert (PAGE.state, PAGE.states) == ("running", ["running", "failed"])
    assert PAGE.messages == ["Started."]
    assert PAGE.headings == ["Batches", "Settings"]
    assert not PAGE.is_empty


def test_tables_by_their_columns() -> None:
    table = PAGE.table("Batches")
    assert (table.columns, table.column("Batch")) == (["Batch", "State"], ["1", "2"])
    assert table.row("late")["State"] == "late by 3 s"
    assert table.rows[0].part.state == "failed"
    with pytest.raises(AssertionError, match="no column 'Lag' among"):
        table.rows[0]["Lag"]
    with pytest.raises(AssertionError, match="0 rows with 'gone'"):
        table.row("gone")


def test_facts_links_and_parts() -> None:
    settings = PAGE.card("Settings")
    assert settings.facts == {"Trigger": "5 s"}
    assert PAGE.part("settings").fact("Trigger") == "5 s"
    assert PAGE.link('Its "table"') == "/lakehouse/"
    assert (PAGE.has("settings"), PAGE.has("nothing")) == (True, False)
    assert "two lines" in settings
    with pytest.raises(AssertionError, match="no card 'Lag' among"):
        PAGE.card("Lag")


def test_fields_with_what_is_wrong_with_them() -> None:
    rate = PAGE.field("Rate")
    assert (rate.name, rate.value, rate.errors) == ("rate", "9", "Rate is above 5.")
    assert PAGE.errors["rate"] == "Rate is above 5."
    unit = PAGE.field("Unit")
    assert (unit.value, unit.choices) == ("h", {"": "all", "h": "per hour"})
    assert (PAGE.field("loop").value, PAGE.field("text").value) == (False, "two\nlines")


def test_an_action_sends_what_the_browser_would() -> None:
    assert [one.label for one in PAGE.actions] == ["Stop", "Apply", "Reset"]
    stop, apply = PAGE.action("Stop"), PAGE.action("Apply")
    assert (stop.url, stop.method, stop.fields, stop.question) == (
        "/stream/stop/",
        "post",
        {"request_id": "7"},
        "Stop it?",
    )
    assert (apply.url, apply.method) == ("/stream/", "get")
    assert apply.fields == {"rate": "9", "unit": "h", "text": "two\nlines", "act": "apply"}
    assert (apply.is_disabled, PAGE.action("Reset").is_disabled) == (False, True)
    assert not PAGE.offers("Start")
    with pytest.raises(AssertionError, match="no action 'Start' among"):
        PAGE.action("Start")
