"""Metadata files with odd values in every field: each table is read by itself, and what can't be read is said."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from sqlalchemy import insert

from controlplane.health.services import observation_record
from controlplane.lakehouse import probe
from controlplane.lakehouse.adapters.iceberg import IcebergCatalog
from controlplane.lakehouse.adapters.metadata import LARGEST, parse, to_table
from controlplane.lakehouse.ports import Table
from controlplane.lakehouse.selectors import table_url, tables_now
from controlplane.table_names import TableName
from tests.adapters import Adapters
from tests.labels import Everywhere, Lakehouse
from tests.lakehouse import odd
from tests.pages import Page, Row, Visitor

OWN = "silver.events"


class OddLake:
    """A catalogue of files as they are given, with a sound table `silver.events` among them."""

    def __init__(self, folder: Path) -> None:
        self._uri, self._folder = f"sqlite:///{folder}/catalog.db", folder
        self._writer = SqlCatalog("lake", uri=self._uri, warehouse=folder.as_uri())
        self.catalog = self._opened()
        self.put(OWN, json.dumps(odd.document()).encode())

    def _opened(self) -> IcebergCatalog:
        return IcebergCatalog(uri=self._uri, warehouse=self._folder.as_uri())

    def reopened(self) -> IcebergCatalog:
        """The catalogue as a process that was started again has it: no file has been read yet."""
        self.catalog.close()
        self.catalog = self._opened()
        return self.catalog

    def put(self, name: str, content: bytes | None, *, kind: str | None = None) -> None:
        named = TableName.parse(name)
        file = self._folder / f"{len(list(self._folder.iterdir()))}.metadata.json"
        if content is not None:
            file.write_bytes(content)
        row = {
            "catalog_name": "lake", "table_namespace": named.namespace, "table_name": named.short_name,
            "metadata_location": file.as_uri(), "iceberg_type": kind,
        }  # fmt: skip
        with self._writer.engine.begin() as connected:
            connected.execute(insert(IcebergTables).values(row))

    def close(self) -> None:
        self.catalog.close()
        self._writer.engine.dispose()


@pytest.fixture
def lake(tmp_path: Path, adapters: Adapters) -> Iterator[OddLake]:
    found = OddLake(tmp_path)
    adapters.use(catalog=found.catalog)
    yield found
    found.close()


def look() -> None:
    observation_record(part="lake", reading=probe.look())


def totals_of(page: Page) -> Row:
    """The row below all tables of the lake."""
    totals = page.table().totals
    assert totals is not None
    return totals


def _read(content: bytes) -> Table | str:
    """The table, or why it can't be read: no other error than the one that the adapter names."""
    try:
        return to_table("odd.table", "file:///x", parse(content))
    except ValueError as error:
        return str(error) or "no reason"


def _kept(found: Any) -> None:
    """No text is too long, or one that our database doesn't keep."""
    written = json.dumps(found, ensure_ascii=False).encode()
    assert b"\x00" not in written
    assert len(written) < 300_000


@pytest.mark.parametrize("version", [1, 2, 3])
def test_any_one_value_may_be_odd(version: int) -> None:
    whole = _read(json.dumps(odd.document(version)).encode())
    assert isinstance(whole, Table)
    assert whole.problems == ()
    tried = unread = 0
    for mutation in (*odd.mutations(version, 1.0 if version == 2 else 0.2), *odd.named(version)):
        found = _read(mutation.content)
        tried += 1
        if isinstance(found, str):
            unread += 1
            assert found != "no reason"
            # Only what says that it is a table at all, and which version it has, is needed for reading the rest.
            assert "'format-version'" in mutation.place or "view" in found, (mutation.place, found)
            continue
        described = probe.describe(found)
        _kept([described, found.problems, dict(found.properties), [one.path for one in found.fields or ()]])
        if found.current is None:
            # Nothing is known of it, so nothing says that there is nothing.
            assert found.empty or described["records"] is None, mutation.place
            assert found.empty or found.problems, mutation.place
        if found.fields is None or found.partitioning is None or found.sorting is None or found.updated_at is None:
            assert found.problems, mutation.place
        for snapshot in found.snapshots:
            assert snapshot.snapshot_id.lstrip("-").isdecimal()
            assert all(isinstance(value, str) for value in snapshot.summary.values())
    assert tried > (5000 if version == 2 else 900)
    assert 0 < unread < 50


@pytest.mark.django_db
def test_no_odd_value_hides_a_table_or_ends_a_page(lake: OddLake, viewer: Visitor) -> None:
    changed = odd.drawn(60)
    for number, mutation in enumerate(changed):
        lake.put(f"odd.t{number}", mutation.content)
    look()
    now = tables_now()
    assert {table.name for table in now.tables} == {OWN, *(f"odd.t{number}" for number in range(len(changed)))}
    sound = now.table(OWN)
    assert sound is not None
    assert (sound.records, sound.problem) == (30, "")
    links = viewer.page("/lakehouse/").links
    assert viewer.get("/").status_code == 200
    assert viewer.get("/search/?q=odd").status_code == 200
    listed = viewer.get("/api/v1/tables?limit=200").json()["items"]
    assert len(listed) == len(changed) + 1
    for number, mutation in enumerate(changed):
        name = f"odd.t{number}"
        table = now.table(name)
        assert table is not None
        assert links[name] == f"/lakehouse/odd/t{number}/"
        shown = viewer.page(f"/lakehouse/odd/t{number}/?snapshot=8744736658442914490")
        assert len(shown.html.encode()) < 2_000_000
        parts = (shown.has("unreadable"), shown.has("schema"))
        assert parts == ((True, False) if table.problem else (False, True)), mutation.place
        answer = viewer.get(f"/api/v1/tables/odd/t{number}")
        assert answer.status_code == (409 if table.problem else 200), (mutation.place, answer.content[:500])
        if table.problem:
            assert Lakehouse.RETRY not in answer.content.decode()
        elif number % 3 == 0:
            assert viewer.get(f"/api/v1/tables/odd/t{number}/snapshots").status_code == 200, mutation.place
            assert viewer.get(f"/lakehouse/odd/t{number}/records.json").status_code == 200, mutation.place


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


UNREADABLE = {
    "empty": (b"", "the file is empty"),
    "cut": (json.dumps(odd.document()).encode()[:700], "invalid JSON"),
    "a list": (b"[]", "expected table metadata, got an array with 0 items"),
    "a text": (b'"x"', "expected table metadata, got the string"),
    "no version": (b"{}", "format-version is missing"),
    "version 0": (b'{"format-version": 0}', "invalid format-version 0"),
    "version 2.0": (b'{"format-version": 2.0}', "invalid format-version 2.0"),
    "version true": (b'{"format-version": true}', "invalid format-version true"),
    "not UTF-8": (b'{"format-version": 2, "location": "\xff"}', "not valid UTF-8"),
    "NaN": (b'{"format-version": 2, "x": NaN}', "invalid JSON"),
    "nested": (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
    "digits": (b'{"format-version": 2, "x": ' + b"9" * 10_000 + b"}", "invalid JSON"),
    "gzip, cut": (gzip.compress(json.dumps(odd.document()).encode())[:200], "decompression failed"),
    "zstd, cut": (_zstd(json.dumps(odd.document()).encode())[:200], "decompression failed"),
    "zstd, more than anybody writes": (_zstd(bytes(LARGEST + 1)), f"larger than {LARGEST:,} bytes when decompressed"),
    "gzip of nothing": (b"\x1f\x8b", "decompression failed"),
    "no file": (None, "file not found"),
}
OTHER_KINDS = {
    "version 4": (
        b'{"format-version": 4}',
        None,
        "unsupported Iceberg format version 4; versions 1 to 3 are supported",
    ),
    "version 42": (b'{"format-version": 42, "table-uuid": 7}', None, "format version 42"),
    "a view": (b'{"view-uuid": "x", "format-version": 1}', "VIEW", "odd.table is a view"),
    "a view without a kind": (b'{"view-uuid": "x", "format-version": 1}', None, "the file describes a view"),
    "a kind of tomorrow": (b"{}", "INDEX", "odd.table is a index"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_row_with_the_reason(case: str, lake: OddLake, viewer: Visitor) -> None:
    content, reason = UNREADABLE[case]
    lake.put("odd.table", content)
    look()
    now = tables_now()
    assert now.state == "degraded"
    assert [table.name for table in now.unread] == ["odd.table"]
    assert reason in now.unread[0].problem
    for address in ("/lakehouse/", "/lakehouse/odd/table/"):
        page = viewer.page(address)
        assert reason in page
        assert Lakehouse.REPAIR in page
        assert not page.has("lake-away")
    answer = viewer.get("/api/v1/tables/odd/table")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "unreadable")
    assert reason in answer.json()["error"]["message"]
    # Nothing of it touches the sound one.
    assert viewer.get("/api/v1/tables/silver/events").json()["current_snapshot"]["records"] == 30
    assert now.state_of(OWN) == "up"


@pytest.mark.django_db
@pytest.mark.parametrize("case", OTHER_KINDS)
def test_a_kind_that_is_not_read_is_named_and_is_no_fault(case: str, lake: OddLake, viewer: Visitor) -> None:
    content, kind, reason = OTHER_KINDS[case]
    lake.put("odd.table", content, kind=kind)
    look()
    now = tables_now()
    assert (now.state, now.unread) == ("up", [])
    table = now.table("odd.table")
    assert table is not None
    assert reason in table.problem
    for address in ("/lakehouse/", "/lakehouse/odd/table/"):
        assert reason in viewer.page(address)
    assert totals_of(viewer.page("/lakehouse/"))[Lakehouse.ROWS] == "30", "it counts for nothing in the totals"
    assert viewer.get("/api/v1/tables/odd/table").status_code == 409
    (item,) = (one for one in viewer.get("/api/v1/tables").json()["items"] if one["name"] == "odd.table")
    assert (item["kind"], item["records"]) == ((kind or "table").lower(), None)


@pytest.mark.django_db
def test_what_was_seen_of_a_table_stays_when_its_file_breaks(
    lake: OddLake, viewer: Visitor, adapters: Adapters, tmp_path: Path
) -> None:
    look()
    seen_at = tables_now().table(OWN).seen_at  # type: ignore[union-attr]
    for file in tmp_path.glob("*.metadata.json"):
        file.write_bytes(b"{")
    adapters.use(catalog=lake.reopened())
    look()
    table = tables_now().table(OWN)
    assert table is not None
    assert (table.records, table.seen_at, table.fault) == (30, seen_at, True)
    page = viewer.page("/lakehouse/silver/events/")
    assert page.fact(Lakehouse.ROWS) == "30"
    assert page.part("unreadable").moments == [seen_at.replace(microsecond=0)]


@pytest.mark.django_db
def test_a_current_snapshot_that_is_not_there_is_not_an_empty_table(lake: OddLake, viewer: Visitor) -> None:
    changed = {**odd.document(), "current-snapshot-id": 999, "refs": {}}
    lake.put("odd.gone", json.dumps(changed).encode())
    lake.put("odd.float", json.dumps({**changed, "current-snapshot-id": 8.744736658442914e18}).encode())
    lake.put("odd.empty", json.dumps({**changed, "current-snapshot-id": -1, "snapshots": []}).encode())
    look()
    gone, rounded, empty = (tables_now().table(f"odd.{name}") for name in ("gone", "float", "empty"))
    assert gone is not None
    assert rounded is not None
    assert empty is not None
    assert (gone.records, gone.empty, gone.snapshot_id) == (None, False, "999")
    assert (rounded.records, rounded.empty, rounded.snapshot_id) == (None, False, None)
    assert (empty.records, empty.empty) == (0, True)
    for name, said in (
        ("gone", "current-snapshot-id 999 is not a snapshot of the table."),
        ("float", "current-snapshot-id is 8.744736658442914e+18; expected a 64-bit integer."),
    ):
        page = viewer.page(f"/lakehouse/odd/{name}/")
        assert said in page.part("problems")
        assert page.fact(Lakehouse.LAST_SNAPSHOT) != Lakehouse.NOTHING_WRITTEN
        detail = viewer.get(f"/api/v1/tables/odd/{name}").json()
        assert (detail["current_snapshot"], len(detail["problems"])) == (None, 1)
    assert viewer.page("/lakehouse/odd/empty/").fact(Lakehouse.LAST_SNAPSHOT) == Lakehouse.NOTHING_WRITTEN


@pytest.mark.django_db
def test_rows_under_deletes_are_named_as_counted_before_them(lake: OddLake, viewer: Visitor) -> None:
    def with_totals(version: int, **totals: str | None) -> bytes:
        changed = odd.document(version)
        summary = changed["snapshots"][-1]["summary"]
        for name, value in totals.items():
            key = f"total-{name.replace('_', '-')}"
            summary.pop(key) if value is None else summary.update({key: value})
        return json.dumps(changed).encode()

    cases = {
        "vectors": (with_totals(3, delete_files="1", position_deletes="12"), True, 12),
        "positions": (with_totals(2, delete_files="1", position_deletes="5"), True, 5),
        "equality": (with_totals(2, delete_files="2", position_deletes="5", equality_deletes="3"), True, 8),
        "unsaid": (with_totals(2, delete_files=None, position_deletes=None, equality_deletes=None), True, None),
        "unreadable": (with_totals(2, delete_files="x", position_deletes="-1"), True, None),
        "none": (with_totals(2), False, 0),
        "no files": (with_totals(2, position_deletes=None), False, None),
        "version 1": (with_totals(1, delete_files=None, position_deletes=None), False, None),
        "no rows": (with_totals(2, records="0", delete_files="1", position_deletes="5"), False, 5),
    }
    for name, (content, _, _) in cases.items():
        lake.put(f"odd.{name}", content)
    look()
    for name, (_, before, deletes) in cases.items():
        url = table_url(f"odd.{name}")
        found = viewer.get(f"/api/v1/tables/{url.removeprefix('/lakehouse/').rstrip('/')}").json()["current_snapshot"]
        assert (found["before_deletes"], found["deletes"]) == (before, deletes), name
        assert (Lakehouse.BEFORE_DELETES in viewer.page(url).fact(Lakehouse.ROWS)) == before, name
        table = tables_now().table(f"odd.{name}")
        assert table is not None
        assert table.before_deletes == before, name
    assert Lakehouse.BEFORE_DELETES in probe.look().summary
    assert Lakehouse.BEFORE_DELETES in totals_of(viewer.page("/lakehouse/"))[Lakehouse.ROWS]


@pytest.mark.django_db
@pytest.mark.parametrize("number", [None, 0, 1, 2])
def test_a_chart_over_a_snapshot_with_deletes_says_so(number: int | None, lake: OddLake, viewer: Visitor) -> None:
    changed = odd.document(2)
    if number is not None:
        changed["snapshots"][number]["summary"] |= {"total-delete-files": "1", "total-position-deletes": "5"}
    lake.put("odd.charted", json.dumps(changed).encode())
    look()
    (chart,) = viewer.page(table_url("odd.charted")).charts.values()
    assert (Lakehouse.BEFORE_DELETES in chart.label) == (number is not None)


@pytest.mark.django_db
def test_earlier_partition_specs_unknown_types_and_odd_times_are_shown(lake: OddLake, viewer: Visitor) -> None:
    changed = odd.document(3)
    changed["schemas"][0]["fields"] += [
        {"id": 20, "name": "place", "required": False, "type": "geography(srid:4326, spherical)"},
        {"id": 21, "name": "later", "required": False, "type": "timestamp_ps[tomorrow]"},
    ]
    changed["partition-specs"][0]["fields"] = [
        {"name": "x", "transform": "zorder[3]", "source-ids": [1, 99], "field-id": 1002}
    ]
    changed["snapshots"][0]["timestamp-ms"] = 10**18
    changed["snapshots"][1]["timestamp-ms"] = NEXT_CENTURY
    lake.put("odd.v3", json.dumps(changed).encode())
    look()
    page = viewer.page("/lakehouse/odd/v3/")
    types = page.table(Lakehouse.SCHEMA).column(Lakehouse.TYPE)
    assert types[-2:] == ["geography(srid:4326, spherical)", "timestamp_ps[tomorrow]"]
    partitioning = page.fact(Lakehouse.PARTITIONED_BY)
    assert partitioning.startswith("bucket(16, event_id), days(kafka_time) ")
    assert partitioning.endswith("(spec 0): zorder(3, event_id, column 99)")
    assert "snapshots[0].timestamp-ms is 1000000000000000000" in page.part("problems")
    detail = viewer.get("/api/v1/tables/odd/v3").json()
    assert [spec["spec_id"] for spec in detail["partition_specs"]] == ["1", "0"]
    assert detail["snapshots"] == 3
    listed = viewer.get("/api/v1/tables/odd/v3/snapshots").json()["items"]
    assert sorted(one["at"] is None for one in listed) == [False, False, True]
    (series,) = viewer.get("/lakehouse/odd/v3/records.json").json()["series"]
    assert [records for _, records in series["points"]] == [30], "no point far from now stretches the axis"


# The year 2099.
NEXT_CENTURY = 4_071_000_000_000


@pytest.mark.django_db
def test_long_lists_and_long_texts_leave_pages_bounded(lake: OddLake, viewer: Visitor) -> None:
    changed = odd.document()
    changed["schemas"][0]["fields"] = [
        {"id": number, "name": f"c{number}", "required": False, "type": "string", "doc": "d" * 5000}
        for number in range(2500)
    ]
    changed["properties"] = {f"p{number}": "v" * 3000 for number in range(2500)} | {"long": "x" * 1_000_000}
    head = changed["refs"]["main"]["snapshot-id"]
    changed["refs"] |= {f"release-{number}": {"snapshot-id": head, "type": "tag"} for number in range(3000)}
    changed["snapshots"][-1]["summary"] |= {f"s{number}": "y" * 100 for number in range(3000)}
    lake.put("odd.large", json.dumps(changed).encode())
    look()
    address = f"/lakehouse/odd/large/?snapshot={head}"

    def columns(**query: str) -> list[str]:
        page = Page.of(viewer.get("/lakehouse/odd/large/", {"snapshot": head, **query}))
        assert len(page.html.encode()) < 1_000_000
        return page.table(Lakehouse.SCHEMA).column(Lakehouse.COLUMN)

    first = [f"c{number}" for number in range(200)]
    assert columns() == first
    assert "2,500" in viewer.page(address).part("schema")
    assert columns(columns="2400") == [f"c{number}" for number in range(2400, 2500)]
    for wrong in ("x", "-1", "99999", "9" * 30, ""):
        assert columns(columns=wrong) == first
    detail = viewer.get("/api/v1/tables/odd/large").json()
    assert (len(detail["fields"]), detail["columns"], detail["refs_in_all"]) == (1000, 2500, 3001)
    last = viewer.get("/api/v1/tables/odd/large?start=2000").json()
    assert [field["path"] for field in last["fields"]][-1] == "c2499"
    assert all(len(value) < 5000 for value in {**detail["properties"], **last["properties"]}.values())


@pytest.mark.django_db
def test_hundreds_of_tables_are_listed_by_pages(lake: OddLake, viewer: Visitor) -> None:
    for number in range(130):
        lake.put(f"many.t{number:03}", b"{")
    look()
    first = viewer.page("/lakehouse/")
    rest = viewer.page(f"/lakehouse/{first.link(Everywhere.NEXT_PAGE)}")
    assert Everywhere.NEXT_PAGE not in rest.links
    names, others = (page.table().column(Lakehouse.TABLE) for page in (first, rest))
    assert (len(names), others[-1]) == (100, "many.t129")
    assert {*names, *others} == {OWN, *(f"many.t{number:03}" for number in range(130))}
    assert len(names) + len(others) == 131
    answer = viewer.get("/api/v1/tables?limit=130").json()
    assert len(answer["items"]) == 130
    assert len(viewer.get("/api/v1/tables", {"cursor": answer["next"]}).json()["items"]) == 1
    assert viewer.get("/api/v1/tables?cursor=gone").status_code == 422
    assert viewer.get("/lakehouse/?cursor=gone").status_code == 422
