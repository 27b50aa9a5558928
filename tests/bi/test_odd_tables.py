"""Tables and documents that are odd or damaged hide nothing but themselves: the rest of the dashboards is there."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import Catalog
from sqlalchemy import create_engine, text
from streamlit.testing.v1 import AppTest

from bi import lake
from bi.lake import Published, TableUnreadableError, published, rows, verdict
from bi.views import hourly_sales
from controlplane.links import producer
from spark_jobs import documents
from tests.bi.deletes import positions_deleted, values_deleted
from tests.bi.odd_columns import COLUMNS, drawn, gold_rows, of_one_kind
from tests.bi.opening import APP, opened, words
from tests.labels import Bi
from tests.lakehouse import odd
from tests.payloads import texts
from tests.quality.odd import NAMES, RESULTS, UNREADABLE

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
TABLE = "gold.hourly_sales"
VIEWS = ("hourly_sales", "top_products", "user_sessions")


def publish(catalog: Catalog, name: str, content: pa.Table, **properties: str) -> int:
    """Publish a table with these columns, whatever they are; gives the snapshot's id."""
    catalog.create_namespace_if_not_exists("gold")
    # Without statistics, which pyiceberg can't make of every value.
    plain = {"write.metadata.metrics.default": "none"}
    table = catalog.create_table(f"gold.{name}", schema=content.schema, properties=plain)
    table.append(content, snapshot_properties=properties)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    return snapshot.snapshot_id


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_view_of_columns_of_one_odd_kind_is_shown(kind: str, catalog: Catalog) -> None:
    # The functions of each view are tried with each kind in test_odd_columns.py.
    name = VIEWS[list(COLUMNS).index(kind) % len(VIEWS)]
    publish(catalog, name, of_one_kind(name, kind))
    page = opened(name)
    assert page.dataframe or Bi.NO_MATCH in words(page)
    assert Bi.SHOWN_EMPTY in words(page)


@pytest.mark.parametrize("number", range(6))
def test_a_view_with_columns_drawn_at_random_is_shown(number: int, catalog: Catalog) -> None:
    name = VIEWS[number % len(VIEWS)]
    marks, content = drawn(name, number)
    publish(catalog, name, content)
    page = opened(name)
    assert page.dataframe or Bi.NO_MATCH in words(page), marks


def test_a_table_with_none_of_the_columns_says_so(catalog: Catalog) -> None:
    publish(catalog, "hourly_sales", pa.table({"other": [1]}))
    assert "none of the columns hour, currency" in words(opened()).replace("\\", "")


def test_rows_without_a_value_are_left_out_of_the_figures_and_counted(catalog: Catalog) -> None:
    content = gold_rows("hourly_sales")
    content = content.set_column(5, "revenue", pa.array(["59.97", None, "19.99", None]).cast(pa.decimal128(18, 2)))
    content = content.set_column(4, "units", pa.array([0, 0, 0, 0], pa.int64()))
    publish(catalog, "hourly_sales", content.set_column(2, "category", pa.array([None, "", "shoes", "shoes"])))
    page = opened(currency="EUR")
    found = {metric.label: metric.value for metric in page.metric}
    assert found == {Bi.REVENUE.format("EUR"): "79.96", Bi.UNITS: "0", Bi.UNIT_REVENUE.format("EUR"): "–"}
    assert "1 without revenue" in words(page)
    assert page.multiselect(key="category").options == ["shoes", Bi.EMPTY]
    page.multiselect(key="category").select(Bi.EMPTY).run()
    assert len(page.dataframe[0].value) == 2


def _file_of(address: str) -> Path:
    return Path(address.removeprefix("file://"))


def _point(tmp_path: Path, metadata: Path) -> None:
    """Let the catalogue's row of the table lead to another metadata file."""
    engine = create_engine(f"sqlite:///{tmp_path / 'catalog.db'}")
    with engine.begin() as connected:
        changed = connected.execute(
            text("UPDATE iceberg_tables SET metadata_location = :where WHERE table_name = 'hourly_sales'"),
            {"where": metadata.as_uri()},
        )
    assert changed.rowcount == 1
    engine.dispose()


def _problem() -> str:
    """Why the table can't be read; empty if it is read."""
    try:
        found = published(TABLE)
        if found is not None:
            rows(found, hourly_sales.COLUMNS)
    except TableUnreadableError as error:
        return str(error)
    return ""


def test_a_table_with_odd_metadata_hides_no_other(gold: dict[str, int], tmp_path: Path) -> None:
    metadata = tmp_path / "odd.metadata.json"
    _point(tmp_path, metadata)
    unreadable = 0
    for number, one in enumerate(odd.drawn(60)):
        metadata.write_bytes(one.content)
        if problem := _problem():
            unreadable += 1
            assert "can't be read: " in problem, one.place
            assert "\n" not in problem, one.place
        if number % 20 == 0:
            page = AppTest.from_file(str(APP), default_timeout=60).run()
            assert not page.exception, one.place
            assert all(str(gold[name]) in words(page) for name in VIEWS[1:]), one.place
            assert not opened("top_products").error
    assert unreadable > 10


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[]", b"\x1f\x8b", b'{"format-version": 9}'])
def test_a_table_without_readable_metadata_says_so(content: bytes | None, gold: dict[str, int], tmp_path: Path) -> None:
    metadata = tmp_path / "odd.metadata.json"
    _point(tmp_path, metadata)
    if content is not None:
        metadata.write_bytes(content)
    page = opened()
    assert f"**Hourly sales** {Bi.NOT_SHOWN} The metadata of the table gold" in words(page).replace("\\", "")
    assert "http://127.0.0.1:8000/lakehouse/gold/hourly_sales/" in words(page)
    assert not page.dataframe
    assert opened("top_products").dataframe


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4:200] = b"\xff" * 196
    file.write_bytes(content)


def _other_schema(file: Path) -> None:
    pq.write_table(pa.table({"other": [1, 2, 3]}), file)


@pytest.mark.parametrize("damage", [Path.unlink, _cut, _empty, _folder, _damaged])
@pytest.mark.parametrize("kind", ["data", "manifest", "manifest list"])
def test_a_table_with_a_damaged_file_says_so(damage: Any, kind: str, gold: dict[str, int], catalog: Catalog) -> None:
    table = catalog.load_table(TABLE)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    manifest = snapshot.manifests(table.io)[0]
    data = manifest.fetch_manifest_entry(table.io)[0].data_file.file_path
    damage(_file_of({"data": data, "manifest": manifest.manifest_path, "manifest list": snapshot.manifest_list}[kind]))
    page = opened()
    assert f"**Hourly sales** {Bi.NOT_SHOWN} The rows of the table gold" in words(page).replace("\\", "")
    assert str(gold["hourly_sales"]) in words(page)
    assert opened("user_sessions").dataframe


def test_a_data_file_of_other_columns_is_named(gold: dict[str, int], catalog: Catalog) -> None:
    table = catalog.load_table(TABLE)
    _other_schema(_file_of(table.inspect.files()["file_path"][0].as_py()))
    page = opened()
    assert "Parquet file does not have field-ids" in words(page).replace("\\", "")
    assert not page.dataframe
    assert opened("top_products").dataframe


def test_rows_under_position_deletes_are_not_counted(gold: dict[str, int], catalog: Catalog) -> None:
    positions_deleted(catalog.load_table(TABLE), 0, 0, 2)
    page = opened(currency="EUR")
    assert list(page.dataframe[0].value["category"]) == ["bags"]
    assert Bi.DOWNLOAD.format(1) in [button.label for button in page.get("download_button")]


def test_rows_under_equality_deletes_are_not_shown_as_if_there_were_none(
    gold: dict[str, int], catalog: Catalog
) -> None:
    values_deleted(catalog.load_table(TABLE), "category", "shoes")
    page = opened()
    assert "equality deletes" in words(page)
    assert not page.dataframe
    assert opened("top_products").dataframe


def write(warehouse: str, name: bytes, content: bytes, at: int = 0) -> None:
    folder = os.fsencode(warehouse.removeprefix("file://")) + b"/gold/hourly_sales.validations"
    os.makedirs(folder, exist_ok=True)
    with open(folder + b"/" + name, "wb") as file:
        file.write(content)
    os.utime(folder + b"/" + name, (at, at))


def validation(snapshot_id: Any, **said: Any) -> bytes:
    found = {"validation_id": str(UUID(int=7)), "success": True, "expectations": [{"success": True}], **said}
    return json.dumps({"snapshot_id": snapshot_id, **found}).encode()


def test_documents_of_every_name_are_found(gold: dict[str, int], warehouse: str) -> None:
    of = Published(TABLE, gold["hourly_sales"], None, None)
    for number, name in enumerate(NAMES):
        lake._verdict.clear()  # type: ignore[attr-defined]
        write(warehouse, name, validation(str(of.snapshot_id), marks=number), at=number)
        found = verdict(of)
        assert found.document is not None, name
        assert found.document["marks"] == number, name


def test_documents_that_cant_be_read_hide_no_other(gold: dict[str, int], warehouse: str) -> None:
    of = Published(TABLE, gold["hourly_sales"], None, None)
    for number, content in enumerate(UNREADABLE):
        write(warehouse, f"{number}.json".encode(), content, at=100 + number)
    assert Bi.UNREADABLE_DOCUMENTS.format(len(UNREADABLE)) in words(opened())
    assert len(verdict(of).problems) == len(UNREADABLE)
    write(warehouse, b"good.json", validation(of.snapshot_id))
    assert "1 of 1 expectations passed" in words(opened())


def test_entries_that_are_no_files_hide_no_other(gold: dict[str, int], warehouse: str, tmp_path: Path) -> None:
    of = Published(TABLE, gold["hourly_sales"], None, None)
    write(warehouse, b"good.json", validation(of.snapshot_id))
    folder = Path(warehouse.removeprefix("file://")) / "gold" / "hourly_sales.validations"
    (tmp_path / "secret.json").write_bytes(validation(of.snapshot_id, marks="secret"))
    (folder / "folder.json").mkdir()
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    (folder / "dangling.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.json")
    found = verdict(of)
    assert found.document is not None
    assert "marks" not in found.document
    (folder / "good.json").unlink()
    lake._verdict.clear()  # type: ignore[attr-defined]
    problems = verdict(of).problems
    assert sorted(problems) == [
        f"{name}.json: The file is not a regular file." for name in ("dangling", "folder", "link", "pipe")
    ]


def test_a_folder_of_documents_that_is_a_file_says_so(gold: dict[str, int], warehouse: str) -> None:
    (Path(warehouse.removeprefix("file://")) / "gold" / "hourly_sales.validations").write_bytes(b"")
    page = opened()
    assert Bi.NOT_VALIDATED in words(page)
    assert page.dataframe


def test_every_odd_result_is_counted(gold: dict[str, int], warehouse: str) -> None:
    held = sum(isinstance(one, dict) and one.get("success") is True for one in RESULTS)
    write(warehouse, b"a.json", validation(gold["hourly_sales"], expectations=list(RESULTS), success=None))
    shown = words(opened())
    assert f"Unknown result, {held} of {len(RESULTS)} expectations passed" in shown


@pytest.mark.parametrize("field", ["validation_id", "success", "expectations", "snapshot_id"])
def test_an_odd_value_in_a_document_hides_nothing(field: str, gold: dict[str, int], warehouse: str) -> None:
    values = [value for value in odd.VALUES if value is not odd.MISSING]
    for number, value in enumerate(values):
        lake._verdict.clear()  # type: ignore[attr-defined]
        said = {"snapshot_id": gold["hourly_sales"], field: value}
        write(warehouse, b"odd.json", validation(**said), at=number)
        found = verdict(Published(TABLE, gold["hourly_sales"], None, None))
        assert (found.document is None) == (field == "snapshot_id"), value
        if number % 8 == 0:
            assert opened().dataframe, value


@pytest.mark.parametrize(
    "text", ["manual__a/b", "manual__.", "a__..", "=a__b", "a__%2e%3f?x=1#y", "a__ü日", "a__b c+d:e", *texts.MARKDOWN]
)
def test_a_run_links_to_the_page_that_the_control_plane_links_to(text: str, catalog: Catalog) -> None:
    publish(catalog, "hourly_sales", gold_rows("hourly_sales"), **{"lakehouse.run-id": text})
    url = producer("", text).url
    assert (f"](http://127.0.0.1:8000{url})" in words(opened())) is bool(url)


def test_documents_are_read_back_from_their_addresses(tmp_path: Path) -> None:
    for name in NAMES:
        write(tmp_path.as_uri(), name, json.dumps({"name": name.hex()}).encode())
    found = documents.addresses(tmp_path.as_uri(), "lake.gold.hourly_sales")
    assert {bytes.fromhex(documents.read(address)["name"]) for address in found} == set(NAMES)
