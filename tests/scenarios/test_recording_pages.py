"""The pages and the API of recordings, and the editor of what is made of them."""

import gzip
import html
import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from controlplane.accounts.models import AuditEntry, User
from controlplane.leases import WorkState
from controlplane.scenarios.editor.draft import Draft
from controlplane.scenarios.generator.document import READY
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.recording.summary import Summary
from controlplane.scenarios.models import Recording, RecordingReading, Scenario
from controlplane.scenarios.recordings import selectors
from controlplane.scenarios.recordings.presenters import proposed_speed
from controlplane.scenarios.recordings.services import recording_upload
from tests.labels import Editor
from tests.labels import Recording as Labels
from tests.pages import Page, Row, Table, Visitor
from tests.scenarios.editing import filled
from tests.scenarios.recorded import GOOD, OWN, OWN_COLUMNS, rees46

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

SCRIPT = "<script>alert(1)</script>"
NEW = "/scenarios/recordings/new/"


def _sent(client: Client, body: bytes, name: str = "2019-Oct.csv", **more: str) -> Any:
    return client.post(NEW, {"file": SimpleUploadedFile(name, body), **more})


def _uploaded(client: Client, body: bytes = GOOD, **more: str) -> Recording:
    answer = _sent(client, body, **more)
    assert answer.status_code == 302, Page.of(answer)
    return Recording.objects.get(sha256=answer["Location"].split("/")[3])


def test_a_file_becomes_a_page_and_a_scenario(operator: Visitor, viewer: Visitor) -> None:
    assert operator.page("/scenarios/recordings/").is_empty
    row = _uploaded(operator, rees46(1000))
    address = f"/scenarios/recordings/{row.sha256}/"
    for visitor in (operator, viewer):
        page = visitor.page(address)
        assert [page.fact(name) for name in (Labels.EVENTS, Labels.ROWS, Labels.SPAN)] == ["980", "1,000", "1 min"]
        assert page.fact(Labels.LEFT_OUT).startswith("20 ")
        assert page.fact(Labels.LEFT_OUT).endswith(" (price)")
        assert "REES46" in page.fact(Labels.READ_AS)
        origins = _by(Labels.FIELD, page.table(Labels.ORIGINS))
        assert (origins["currency"][Labels.COLUMN], origins["currency"][Labels.MADE]) == (Labels.DERIVED, "USD")
        assert "category_id" in page.table(Labels.COLUMNS).column(Labels.COLUMN)
        assert (Labels.MAKE in page.links) == (visitor is operator)
        assert page.offers(Labels.DELETE) == (visitor is operator)
        listed = visitor.page("/scenarios/recordings/?q=oct&state=succeeded").table()
        assert listed.column(Labels.NAME) == ["2019-Oct.csv"]
    assert operator.page(address).action(Labels.DELETE).question
    nothing = operator.page("/scenarios/recordings/?state=failed")
    assert (nothing.is_empty, nothing.tables) == (True, [])
    reading = RecordingReading.objects.get()
    editor = f"/scenarios/new/?recording={row.sha256}&reading={reading.digest}"
    text = _document(operator, editor)
    assert yaml.safe_load(text)["source"] == {
        "recording": row.sha256, "mapping": "rees46", "name": "2019-Oct.csv", "speed": 1,
    }  # fmt: skip
    kept = operator.page(editor).action(Editor.SAVE).press()
    assert kept["Location"] == "/scenarios/2019-oct-replayed/"
    assert viewer.page("/scenarios/2019-oct-replayed/").link("2019-Oct.csv") == address
    assert "/scenarios/2019-oct-replayed/" in viewer.page(address).card(Labels.USED_BY).links.values()
    # The next one needs another name, and what is used can't be deleted.
    assert yaml.safe_load(_document(operator, editor))["name"] == "2019-Oct replayed (copy)"
    assert operator.page(address).action(Labels.DELETE).is_disabled
    (refused,) = Page.of(operator.post(f"{address}delete/", follow=True)).messages
    assert "2019-Oct replayed" in refused
    assert Recording.objects.exists()


def _by(column: str, table: Table) -> dict[str, Row]:
    """The rows of a table by what one column says."""
    return {row[column]: row for row in table.rows}


def _document(client: Client, address: str) -> str:
    text: str = client.get(address).context["draft"].text
    return text


def test_a_recording_is_deleted(operator: Visitor, folder: Path) -> None:
    row = _uploaded(operator)
    answer = operator.page(f"/scenarios/recordings/{row.sha256}/").action(Labels.DELETE).press()
    assert answer["Location"] == "/scenarios/recordings/"
    assert not Recording.objects.exists()
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert AuditEntry.objects.get(action="recording.delete").target == "2019-Oct.csv"


def test_what_is_wrong_is_said_at_the_form_and_nothing_is_kept(operator: Visitor, folder: Path) -> None:
    for body, mapping, says in (
        (GOOD[:-60], "auto", "Row 30: 6 fields instead of 9"),
        (GOOD.replace(b",view,", b",\xe9,", 1), "rees46", "is not valid UTF-8"),
        (gzip.compress(GOOD)[:-200], "auto", "truncated"),
        (b"a,b,c\n1,2,3\n", "rees46", "The file has the columns: a, b, c."),
        (b"hello", "auto", "Events need a timestamp, a type and a user"),
        (b"", "auto", "The file is empty"),
        (GOOD, "rees47", "Unknown value 'rees47'"),
        (f"a,b,{SCRIPT}\n1,2,3\n".encode(), "rees46", SCRIPT),
    ):
        answer = _sent(operator, body, mapping=mapping)
        assert answer.status_code == 422
        page = Page.of(answer)
        assert SCRIPT not in page.html
        assert says in page.part("refused"), says
        assert not Recording.objects.exists()
        assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert "file" in Page.of(operator.post(NEW)).part("refused")


def _odd_files() -> dict[str, bytes]:
    event: dict[str, Any] = dict.fromkeys(READY["events"].model_dump(exclude_defaults=True), "x") | {
        "event_time": "2026-11-29T03:20:00Z", "event_type": "view", "price": 9.99, "quantity": 1, "currency": "EUR",
    }  # fmt: skip
    line = json.dumps(event)
    columns = {name: pa.array([value]) for name, value in event.items()}
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2]), *columns.values()], names=["more", "more", *columns])
    bodies = {
        "cr.csv": GOOD.replace(b"\n", b"\r"),
        "quoted.csv": GOOD.replace(b"brand", b'"brand;a;b;c;d;e;f;g;h;i;j"', 1),
        "blank.ndjson": line.encode() + b"\n\n",
        "deep.ndjson": line[:-1].encode() + b', "deep": ' + b"[" * 500 + b"]" * 500 + b', "half": "\\ud800\\u0000"}\n',
    }
    for name, table in (("twice", twice), ("binary", pa.table({**columns, "geometry": pa.array([b"\xff\0"])}))):
        out = io.BytesIO()
        pq.write_table(table, out)
        bodies[f"{name}.parquet"] = out.getvalue()
    return bodies


@pytest.mark.parametrize(
    "name", ["cr.csv", "quoted.csv", "blank.ndjson", "deep.ndjson", "twice.parquet", "binary.parquet"]
)
def test_an_odd_file_becomes_a_page(name: str, operator: Visitor) -> None:
    row = _uploaded(operator, _odd_files()[name], name=name)
    assert RecordingReading.objects.get().state == WorkState.SUCCEEDED
    assert operator.page(f"/scenarios/recordings/{row.sha256}/").heading == name


def test_all_that_is_wrong_is_said_at_once(operator: Visitor) -> None:
    lines = GOOD.decode().splitlines()
    lines[3] = lines[3].replace(",view,", ",vi\0ew\u202e,").replace(",cart,", ",vi\0ew\u202e,")
    lines[5] = lines[5].replace("UTC", "CET")
    lines[7] = lines[7].replace("samsung", "").replace(",,", ',"ca"t",', 1)
    lines[9] += ",one more"
    shown = Page.of(_sent(operator, "\n".join(lines).encode())).part("refused")
    for part in ("Row 5, column event_time:", "Row 7, column", "unescaped quote", "Row 9: 10 fields instead of 9"):
        assert part in shown
    assert not Recording.objects.exists()


def test_columns_are_chosen_by_hand(operator: Visitor) -> None:
    answer = _sent(operator, OWN, "shop.csv")
    row = Recording.objects.get()
    assert answer["Location"] == f"/scenarios/recordings/{row.sha256}/map/"
    page = operator.page(answer["Location"])
    assert "what" in page.field("event_type").choices
    assert set(page.field("type:look").choices) == {"", *EVENT_TYPES}
    samples = {name: row[Labels.BEGINS] for name, row in _by(Labels.COLUMN, page.table(Labels.COLUMNS)).items()}
    assert (samples["what"], samples["who"]) == ("look, look, buy", "anna, anna, anna")
    assert samples["t"].startswith("1570000000, ")
    chosen = {
        "mapping": "own", "event_time": "t", "event_type": "what", "user_id": "who", "product_id": "item",
        "price": "cost", "type:look": "view", "type:buy": "",
    }  # fmt: skip
    checked = Page.of(operator.post(answer["Location"], {**chosen, "act": "check"}))
    assert "Row 3, column what: 'buy' is not an event type" in checked.part("begins")
    refused = operator.post(answer["Location"], {**chosen, "act": "read"})
    assert refused.status_code == 422
    assert not RecordingReading.objects.exists()
    missing = Page.of(operator.post(answer["Location"], {"mapping": "own", "event_time": "t", "act": "read"}))
    assert "Event type, User: Required" in missing.part("begins")
    read = operator.post(answer["Location"], {**chosen, "type:buy": "purchase", "act": "read"})
    reading = RecordingReading.objects.get()
    assert read["Location"] == f"/scenarios/recordings/{row.sha256}/?reading={reading.digest}"
    assert selectors.columns_of_reading(reading) == OWN_COLUMNS
    origin = _by(Labels.FIELD, operator.page(read["Location"]).table(Labels.ORIGINS))["event_type"]
    assert (origin[Labels.COLUMN], origin[Labels.MADE]) == ("what", "buy → purchase, look → view")
    text = _document(operator, f"/scenarios/new/?recording={row.sha256}")
    draft = Draft.of_text(text)
    assert draft.scenario is not None
    assert draft.scenario.source is not None
    assert draft.scenario.source.chosen == OWN_COLUMNS
    editor = operator.page(f"/scenarios/new/?recording={row.sha256}")
    assert "event_time from t" in editor.card(Editor.SOURCE)


def test_a_large_file_shows_how_far_it_is(operator_user: User, operator: Visitor) -> None:
    row, _ = recording_upload(actor=operator_user, name="2019-Oct.csv", chunks=[GOOD], at_once_bytes=100)
    address = f"/scenarios/recordings/{row.sha256}/"
    RecordingReading.objects.update(state=WorkState.RUNNING, rows_read=123_456)
    page = operator.page(address)
    assert (page.state, Labels.MAKE in page.links) == ("running", False)
    assert "123,456" in page
    operator.page(f"/scenarios/new/?recording={row.sha256}", 404)
    RecordingReading.objects.update(state=WorkState.FAILED, message="Row 7, column price: invalid number 'x'.")
    page = operator.page(address)
    assert "Row 7, column price: invalid number 'x'." in page.part("unread")
    assert Labels.MAKE not in page.links
    (listed,) = operator.page("/scenarios/recordings/?state=failed").table().rows
    assert (listed[Labels.NAME], listed.part.state) == ("2019-Oct.csv", "failed")


def test_the_pages_hold_nothing_that_the_policy_forbids(operator: Visitor) -> None:
    row = _uploaded(operator)
    hostile = f"event_time,event_type,user_id,{SCRIPT}\n2020-01-01T00:00:00Z,{SCRIPT},u1,{SCRIPT}\n".encode()
    other = _uploaded(operator, hostile, name=f"{SCRIPT[:8]}x.csv")
    addresses = (
        "/scenarios/recordings/", NEW,
        f"/scenarios/recordings/{row.sha256}/", f"/scenarios/recordings/{row.sha256}/map/",
        f"/scenarios/recordings/{other.sha256}/", f"/scenarios/recordings/{other.sha256}/map/",
        f"/scenarios/new/?recording={row.sha256}",
    )  # fmt: skip
    for address in addresses:
        text = operator.get(address).content.decode()
        for forbidden in (' style="', "onclick", "<script>"):
            assert forbidden not in text, (address, forbidden)


def test_who_may_do_what(viewer: Visitor, operator: Visitor, client: Client) -> None:
    row = _uploaded(operator)
    address = f"/scenarios/recordings/{row.sha256}/"
    assert client.get("/scenarios/recordings/")["Location"].startswith("/sign-in/")
    for forbidden in (NEW, f"{address}map/", f"/scenarios/new/?recording={row.sha256}"):
        assert viewer.get(forbidden).status_code == 403
    assert _sent(viewer, rees46(50), "other.csv").status_code == 403
    assert viewer.post(f"{address}delete/").status_code == 403
    assert operator.get(f"{address}delete/").status_code == 405
    assert Recording.objects.get() == row
    for nowhere in ("0" * 64, "none"):
        assert viewer.get(f"/scenarios/recordings/{nowhere}/").status_code == 404
    assert viewer.get(f"{address}?reading=none").status_code == 404


def test_the_editor_keeps_form_and_document_one_thing(operator: Visitor) -> None:
    row, other = _uploaded(operator, rees46(600)), _uploaded(operator, rees46(200), name="2019-Nov.csv")
    editor = f"/scenarios/new/?recording={row.sha256}"
    text = _document(operator, editor)
    unchanged = operator.post(editor, {**filled(text), "act": "check"})
    assert (unchanged.context["draft"].text, unchanged.context["draft"].problems) == (text, [])
    page = Page.of(unchanged)
    assert not page.has("population-card")
    assert not [action for action in page.actions if "traffic.stages" in action.fields.get("act", "")]
    assert "traffic.stages" not in html.unescape(page.html)
    found = unchanged.context["ahead"].found
    assert (found.total, found.duration_seconds, len(found.samples)) == (588, 60.0, 20)
    faster = operator.post(editor, {**filled(text, **{"source.speed": "30"}), "act": "check"})
    assert yaml.safe_load(faster.context["draft"].text)["source"]["speed"] == 30
    assert faster.context["ahead"].found.duration_seconds == 2.0
    slower = text.replace("speed: 1", "speed: 0.5")
    typed = operator.post(editor, {**filled(text), "document": slower, "act": "check"})
    assert {f.name: f.value for f in typed.context["form"].source}["source.speed"] == "0.5"
    changed = operator.post(editor, {**filled(text, **{"source.recording": other.sha256}), "act": "check"})
    assert yaml.safe_load(changed.context["draft"].text)["source"] == {
        "recording": other.sha256, "mapping": "rees46", "name": "2019-Nov.csv", "speed": 1,
    }  # fmt: skip
    wrong = operator.post(editor, {**filled(text, **{"source.speed": "-1"}), "act": "save"})
    assert wrong.status_code == 422
    assert [problem.field for problem in wrong.context["draft"].problems] == ["source.speed"]
    unread = operator.post(editor, {**filled(text, **{"source.mapping": "events"}), "act": "save"})
    assert "has not been imported with this mapping" in Page.of(unread).part("to-mend")
    late = operator.post(editor, {**filled(text), "new-fault": "late", "act": "add:faults"})
    assert yaml.safe_load(late.context["draft"].text)["faults"] == [{"kind": "late", "rate": 0.01}]
    assert not Scenario.objects.filter(builtin=False).exists()


def test_the_editor_goes_between_a_recording_and_made_up_traffic(operator: Visitor) -> None:
    row = _uploaded(operator)
    made = operator.get("/scenarios/new/?like=flash-sale")
    (choice,) = made.context["form"].source_choices
    assert choice[1] == "2019-Oct.csv as rees46, 30 events"
    text = made.context["draft"].text
    playing = operator.post("/scenarios/new/", {**filled(text), "new-source": choice[0], "act": "add:source"})
    document = yaml.safe_load(playing.context["draft"].text)
    assert document["source"] == json.loads(choice[0])
    assert not {"traffic", "duration_seconds", "population", "sessions"} & set(document)
    assert document["name"] == "Flash sale (copy)"
    back = operator.post("/scenarios/new/", {**filled(playing.context["draft"].text), "act": "remove:source"})
    assert back.context["draft"].problems == []
    assert back.context["ahead"].found.total == 6000
    for nonsense in ("", "[", "[]", '{"recording": "x"}'):
        answer = operator.post("/scenarios/new/", {**filled(text), "new-source": nonsense, "act": "add:source"})
        assert answer.status_code == 200
    assert row.sha256 in choice[0]


def test_the_api_does_what_the_pages_do(operator: Visitor, viewer: Visitor) -> None:
    file = SimpleUploadedFile("2019-Oct.csv.gz", gzip.compress(rees46(1000), mtime=0))
    made = operator.post("/api/v1/recordings", {"file": file, "mapping": "rees46"})
    assert made.status_code == 201
    row = made.json()
    assert row == {
        "sha256": ANY, "name": "2019-Oct.csv.gz", "size": file.size, "kind": "csv", "packed": True, "columns": ANY,
        "uploaded_by": "operator", "uploaded_at": ANY, "scenarios": [], "readings": [ANY], "readings_in_all": 1,
    }  # fmt: skip
    (reading,) = row["readings"]
    assert (reading["state"], reading["events"], reading["left_out"]) == ("succeeded", 980, {"price": 20})
    assert (reading["first_at"], reading["last_at"]) == ("2019-10-01T00:00:00Z", "2019-10-01T00:01:00Z")
    assert {o["field"]: o["rule"] for o in reading["origins"]}["quantity"] == "1"
    assert viewer.get("/api/v1/recordings?q=oct&state=succeeded").json() == {"items": [row], "next": None}
    address = f"/api/v1/recordings/{row['sha256']}"
    assert viewer.get(address).json() == row
    begins = _post(operator, f"{address}/beginning", {"mapping": "rees46"}).json()
    assert (len(begins["events"]), begins["events"][0]["at"]) == (20, "2019-10-01T00:00:00Z")
    document = {"name": "By the API", "source": reading["source"]}
    assert _post(operator, "/api/v1/scenario-preview", {"document": document}).json()["preview"]["total"] == 980
    assert _post(operator, "/api/v1/scenarios", {"document": document}).status_code == 201
    refused = operator.delete(address)
    assert (refused.status_code, "is in use by By the API" in refused.json()["error"]["message"]) == (409, True)
    own = operator.post("/api/v1/recordings", {"file": SimpleUploadedFile("own.csv", OWN), "mapping": "by-hand"}).json()
    columns = OWN_COLUMNS.model_dump(mode="json", exclude_defaults=True)
    asked = _post(operator, f"/api/v1/recordings/{own['sha256']}/readings", {"columns": columns})
    assert (asked.status_code, asked.json()["state"], asked.json()["mapping"]) == (201, "succeeded", "")
    assert asked.json()["source"]["columns"] == columns
    assert viewer.delete(f"/api/v1/recordings/{own['sha256']}").status_code == 403
    assert operator.delete(f"/api/v1/recordings/{own['sha256']}").status_code == 204
    assert viewer.get(f"/api/v1/recordings/{own['sha256']}").status_code == 404


def _post(client: Client, address: str, body: dict[str, Any]) -> Any:
    return client.post(address, orjson.dumps(body), content_type="application/json")


def test_the_api_says_what_is_wrong(operator: Visitor, viewer: Visitor) -> None:
    def upload(client: Client, body: bytes, **more: str) -> Any:
        return client.post("/api/v1/recordings", {"file": SimpleUploadedFile("x.csv", body), **more})

    for answer, status, says in (
        (upload(operator, GOOD[:-60]), 422, "Row 30: 6 fields instead of 9"),
        (upload(operator, GOOD, mapping="none"), 422, "Unknown value 'none'"),
        (operator.post("/api/v1/recordings", {}), 422, "file"),
        (upload(viewer, GOOD), 403, "role operator"),
        (operator.get("/api/v1/recordings/none"), 404, "does not exist"),
        (operator.get("/api/v1/recordings?state=odd"), 422, "state"),
    ):
        assert answer.status_code == status
        assert says in answer.json()["error"]["message"]
    assert not Recording.objects.exists()
    sha256 = upload(operator, GOOD).json()["sha256"]
    for body, says in (
        ({}, "exactly one of mapping, columns"),
        ({"mapping": "none"}, "mapping: Unknown value. Allowed: rees46, events"),
        ({"columns": {"event_time": "a"}}, "event_type"),
        ({"columns": {"event_time": "a", "event_type": "b", "user_id": "c"}}, "Missing columns a, b, c"),
    ):
        for what in ("readings", "beginning"):
            answer = _post(operator, f"/api/v1/recordings/{sha256}/{what}", body)
            assert answer.status_code == 422
            assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("rows", "seconds", "speed"),
    [(1000, 60.0, 1), (1000, 600.0, 1), (1000, 3600.0, 20), (42_000_000, 2_678_400.0, 200), (1000, 2.7e6, 10_000)],
)  # fmt: skip
def test_a_run_of_the_proposed_speed_takes_minutes(rows: int, seconds: float, speed: float) -> None:
    summary = Summary(rows, rows, 0, int(seconds * 1e6), {"view": rows}, [rows], True)
    assert proposed_speed(summary) == speed
