"""What every catalogue adapter does, over the null one, pyiceberg on a small catalogue, and the running stack."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest
from django.db import connection
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType, StructType, TimestamptzType
from sqlalchemy import text

from controlplane.health.services import observation_record
from controlplane.lakehouse import probe
from controlplane.lakehouse.adapters import iceberg
from controlplane.lakehouse.adapters.iceberg import IcebergCatalog
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.lakehouse.ports import Catalog, CatalogUnreachableError, TableMissingError, TableUnreadableError
from controlplane.lakehouse.selectors import tables_now
from controlplane.table_names import TableName
from tests.adapters import Adapters
from tests.lakehouse import odd
from tests.lakehouse.tables import snapshot, table
from tests.pages import Visitor


@dataclass
class Lake:
    """A catalogue with a table `silver.events` of two snapshots: 3 rows, then 5; the second one from a stamped job."""

    catalog: Catalog


def _null() -> Lake:
    first = snapshot(1)
    second = snapshot(2, parent=1, **{"lakehouse.job": "silver.events", "lakehouse.run-id": "manual__1"})
    return Lake(NullCatalog(table("silver.events", first, second)))


def _rows(count: int) -> pa.Table:
    return pa.table({"event_id": [f"e{number}" for number in range(count)], "country": ["DE"] * count})


def _iceberg(folder: Path) -> tuple[Lake, SqlCatalog]:
    uri, warehouse = f"sqlite:///{folder}/catalog.db", folder.as_uri()
    writer = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    writer.create_namespace("silver")
    made = writer.create_table(
        "silver.events",
        Schema(
            NestedField(1, "event_id", StringType(), required=False, doc="Unique."),
            NestedField(2, "country", StringType(), required=False),
        ),
        # The null table's partitioning is by days, which pyiceberg can read but not write without a further package.
        partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "country")),
    )
    made.append(_rows(3))
    made.append(_rows(2), snapshot_properties={"lakehouse.job": "silver.events", "lakehouse.run-id": "manual__1"})
    return Lake(IcebergCatalog(uri=uri, warehouse=warehouse)), writer


@pytest.fixture(params=["null", "iceberg"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    if request.param == "null":
        yield _null()
        return
    found, writer = _iceberg(tmp_path)
    yield found
    writer.engine.dispose()
    found.catalog.close()  # type: ignore[attr-defined]


def test_every_table_has_a_head(lake: Lake) -> None:
    heads = lake.catalog.heads()

    assert list(heads) == ["silver.events"]
    head = heads["silver.events"]
    assert head.metadata_location.endswith(".metadata.json")
    assert (head.name, head.kind) == (TableName("silver", "events"), "table")


def test_a_table_has_its_snapshots_newest_first(lake: Lake) -> None:
    found = lake.catalog.table("silver.events")

    newest, oldest = found.snapshots
    assert found.current == newest
    assert newest.parent_id == oldest.snapshot_id
    assert newest.at >= oldest.at
    assert newest.records is not None
    assert oldest.records is not None
    assert newest.records > oldest.records
    assert (newest.job, newest.run_id) == ("silver.events", "manual__1")
    assert found.published == {newest.snapshot_id, oldest.snapshot_id}
    assert [ref.name for ref in found.refs] == ["main"]
    assert found.partitioning in {("days(kafka_time)",), ("country",)}
    assert found.fields[0].path == "event_id"


def test_a_column_that_is_not_there_tells_no_newest_row(lake: Lake) -> None:
    found = lake.catalog.table("silver.events")
    assert lake.catalog.newest(found, "no_such_column") is None


def test_the_newest_row_is_that_of_the_files_that_came_last(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    made = writer.create_table("silver.timed", Schema(NestedField(1, "kafka_time", TimestamptzType(), required=False)))
    assert lake.catalog.newest(lake.catalog.table("silver.timed"), "kafka_time") is None
    newest = datetime(2026, 11, 23, 17, 0, 0, 123456, tzinfo=UTC)
    # What comes last need not be the latest there is, but of what came last the latest counts.
    for at in ([newest + timedelta(days=1)], [newest - timedelta(hours=1), newest, newest - timedelta(days=3)]):
        made.append(pa.table({"kafka_time": pa.array(at, pa.timestamp("us", "UTC"))}))
        lake.catalog.heads()
    assert lake.catalog.newest(lake.catalog.table("silver.timed"), "kafka_time") == newest
    for path in tmp_path.rglob("*.avro"):
        path.unlink()
    assert lake.catalog.newest(lake.catalog.table("silver.timed"), "kafka_time") == newest, "it was kept"
    fresh = IcebergCatalog(uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=tmp_path.as_uri())
    with pytest.raises(CatalogUnreachableError, match=r"silver\.timed"):
        fresh.newest(fresh.table("silver.timed"), "kafka_time")
    fresh.close()
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


def test_an_unknown_table_is_missing(lake: Lake) -> None:
    with pytest.raises(TableMissingError, match=r"gold\.nothing"):
        lake.catalog.table("gold.nothing")


@pytest.mark.parametrize("fault", [True, False])
def test_what_cannot_be_read_is_named_with_its_remedy(fault: bool, tmp_path: Path) -> None:
    found, writer = _iceberg(tmp_path)
    iceberg_catalog = found.catalog
    (tmp_path / "odd.metadata.json").write_bytes(b"{" if fault else b'{"format-version": 9}')
    with writer.engine.begin() as connected:
        place = f"{tmp_path.as_uri()}/odd.metadata.json"
        connected.execute(text("UPDATE iceberg_tables SET metadata_location = :place"), {"place": place})
    null = NullCatalog()
    null.unreadable["silver.events"] = TableUnreadableError("It can't be read.", "Drop it.", fault=fault)
    for catalog in (iceberg_catalog, null):
        assert list(catalog.heads()) == ["silver.events"]
        with pytest.raises(TableUnreadableError) as raised:
            catalog.table("silver.events")
        assert raised.value.fault == fault
        assert raised.value.remedy
    writer.engine.dispose()
    iceberg_catalog.close()  # type: ignore[attr-defined]


@pytest.mark.stack
def test_the_stacks_catalogue_answers_like_the_others(stack: object, toured: str) -> None:
    said = stack.connections["catalog"]  # type: ignore[attr-defined]
    store = stack.object_store  # type: ignore[attr-defined]
    catalog = IcebergCatalog(uri=said["uri"], warehouse=said["warehouse"], store=store)
    try:
        heads = catalog.heads()
        assert {"bronze.events", "silver.events", "silver.quarantine"} <= set(heads)
        found = catalog.table("bronze.events")
        assert found.metadata_location == catalog.heads()["bronze.events"].metadata_location
        assert found.partitioning == ("days(kafka_time)",)
        assert {field.path for field in found.fields} >= {"value", "key", "topic", "partition", "offset", "kafka_time"}
        with pytest.raises(TableMissingError):
            catalog.table("bronze.nothing")
    finally:
        catalog.close()


def test_an_unchanged_table_is_parsed_once(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    before = lake.catalog.table("silver.events")

    assert lake.catalog.table("silver.events") is before
    writer.load_table("silver.events").append(_rows(1))
    after = lake.catalog.table("silver.events")
    assert len(after.snapshots) == len(before.snapshots) + 1
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


def test_a_branch_that_was_not_published_is_told_apart(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    made = writer.load_table("silver.events")
    main = made.current_snapshot()
    assert main is not None
    made.manage_snapshots().create_branch(main.snapshot_id, "audit").commit()
    made.append(_rows(4), branch="audit")

    found = lake.catalog.table("silver.events")
    assert found.current_id == str(main.snapshot_id)
    assert [ref.name for ref in found.refs] == ["main", "audit"]
    assert found.snapshots[0].snapshot_id not in found.published
    assert len(found.published) == 2
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


def test_a_struct_shows_its_columns(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    inner = NestedField(2, "size", LongType(), required=True)
    writer.create_table("silver.nested", Schema(NestedField(1, "shoe", StructType(inner), required=False)))

    found = lake.catalog.table("silver.nested")
    assert [(field.path, field.type, field.required) for field in found.fields] == [
        ("shoe", "struct", False),
        ("shoe.size", "long", True),
    ]
    assert found.current is None
    assert found.snapshots == ()
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


def test_metadata_that_is_gone_is_said(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    for metadata in tmp_path.rglob("*.metadata.json"):
        metadata.unlink()

    assert list(lake.catalog.heads()) == ["silver.events"]
    with pytest.raises(TableUnreadableError, match=r"silver\.events .*file not found") as raised:
        lake.catalog.table("silver.events")
    assert raised.value.fault
    assert raised.value.remedy
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_catalogue_without_tables_of_its_own_is_empty(tmp_path: Path) -> None:
    found = connection.settings_dict
    login = f"{found['USER']}:{quote(found['PASSWORD'])}"
    # The host may be the folder of a socket, which only the query can name.
    place = f"host={quote(found['HOST'], safe='')}&port={found['PORT']}"
    catalog = IcebergCatalog(uri=f"postgresql+psycopg://{login}@/{found['NAME']}?{place}", warehouse=tmp_path.as_uri())

    assert catalog.heads() == {}
    catalog.close()


def test_a_database_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    catalog = IcebergCatalog(uri="postgresql+psycopg://nobody:x@127.0.0.1:9/lake", warehouse=tmp_path.as_uri())

    with pytest.raises(CatalogUnreachableError):
        catalog.heads()
    with pytest.raises(CatalogUnreachableError):
        catalog.table("silver.events")
    catalog.close()


def test_a_bound_in_the_future_or_beyond_the_calendar_is_not_the_newest_row(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    made = writer.create_table("silver.timed", Schema(NestedField(1, "kafka_time", TimestamptzType(), required=False)))
    newest = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    for microseconds in (newest.timestamp() * 1e6, (newest.timestamp() + 10**9) * 1e6):
        times = pa.array([int(microseconds)], pa.int64()).cast(pa.timestamp("us", "UTC"))
        made.append(pa.table({"kafka_time": times}))
    assert lake.catalog.newest(lake.catalog.table("silver.timed"), "kafka_time") == newest
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "bound", [None, b"", b"x", struct.pack("<q", 2**62), struct.pack("<q", -(2**63))], ids=range(5)
)
def test_a_bound_that_is_no_time_of_the_calendar_is_none(bound: bytes | None) -> None:
    assert iceberg._bound(bound) is None


def test_an_unreadable_file_is_read_again_only_after_a_while(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    location = Path(lake.catalog.heads()["silver.events"].metadata_location.removeprefix("file://"))
    whole = location.read_bytes()
    location.write_bytes(b"{")
    hasty = IcebergCatalog(uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=tmp_path.as_uri(), unreadable_seconds=0)
    for catalog in (lake.catalog, hasty):
        with pytest.raises(TableUnreadableError, match="invalid JSON"):
            catalog.table("silver.events")
    location.write_bytes(whole)
    with pytest.raises(TableUnreadableError, match="invalid JSON"):
        lake.catalog.table("silver.events")
    assert hasty.table("silver.events").snapshots
    hasty.close()
    writer.engine.dispose()
    lake.catalog.close()  # type: ignore[attr-defined]


ODD_NAMES = (
    ("extra", "a/b"), ("extra", "."), ("..", ".."), ("extra", ""), ("", "root"), ("a.b.c", "deep"), ("a", "b.c"),
    ("a.b", "c"), ("extra", "it's \"quoted\""), ("extra", "%2F"), ("日本", "語 é"), ("extra", "n" * 255),
    ("n" * 255, "x"),
    ("extra", "back`tick"), ("extra", "line\nbreak"), ("extra", "drop table x; --"), ("EXTRA", "Events"),
)  # fmt: skip


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[IcebergCatalog]:
    """The catalogue in PostgreSQL, as Iceberg's JDBC catalogue makes its table, for rows of every kind."""
    found = connection.settings_dict
    login = f"{found['USER']}:{quote(found['PASSWORD'])}"
    place = f"host={quote(found['HOST'], safe='')}&port={found['PORT']}"
    uri = f"postgresql+psycopg://{login}@/{found['NAME']}?{place}"
    writer = SqlCatalog("lake", uri=uri, warehouse=tmp_path.as_uri())
    catalog = IcebergCatalog(uri=uri, warehouse=tmp_path.as_uri())
    try:
        yield catalog
    finally:
        catalog.close()
        with writer.engine.begin() as connected:
            connected.execute(text("DROP TABLE iceberg_tables, iceberg_namespace_properties"))
        writer.engine.dispose()


def _put(catalog: IcebergCatalog, *rows: tuple[str, str, str | None, str | None]) -> None:
    with catalog._connected().engine.begin() as connected:
        for namespace, name, location, kind in rows:
            connected.execute(
                text("INSERT INTO iceberg_tables VALUES ('lake', :namespace, :name, :location, NULL, :kind)"),
                {"namespace": namespace, "name": name, "location": location, "kind": kind},
            )


@pytest.mark.django_db
def test_every_row_of_a_catalogue_in_postgresql_is_listed_and_has_a_page(
    postgres: IcebergCatalog, tmp_path: Path, viewer: Visitor, adapters: Adapters
) -> None:
    content = json.dumps(odd.document()).encode()
    (tmp_path / "m.metadata.json").write_bytes(content)
    location = f"{tmp_path.as_uri()}/m.metadata.json"
    _put(postgres, *((namespace, name, location, "TABLE") for namespace, name in ODD_NAMES))
    adapters.use(catalog=postgres)
    observation_record(part="lake", reading=probe.look())
    lake = tables_now()
    assert lake.state == "up"
    assert {(table.namespace, table.short_name) for table in lake.tables} == set(ODD_NAMES)
    listed = viewer.page("/lakehouse/").links.values()
    for item in viewer.get("/api/v1/tables").json()["items"]:
        assert (item["namespace"], item["short_name"]) in ODD_NAMES
        assert item["url"] in listed
        assert viewer.page(item["url"]).fact("comment") == "What was bought."
        path = item["url"].removeprefix("/lakehouse/").rstrip("/")
        assert viewer.get(f"/api/v1/tables/{path}").json()["name"] == item["name"]
    assert viewer.get("/search/?q=extra").status_code == 200


LOCATIONS = (
    None, "", " ", "/", "x", "s3://other/m.metadata.json", "http://127.0.0.1:9/m.metadata.json", "file:///nowhere/m.json",
    "file://host/x", "http://[", "file:///%00", "file:///" + "n" * 990, "hdfs://x/y", "日本", "javascript:alert(1)",
    "{warehouse}/", "{warehouse}/../../x", "{warehouse}/missing.metadata.json",
)  # fmt: skip


@pytest.mark.django_db
def test_an_odd_location_is_a_row_with_the_reason(
    postgres: IcebergCatalog, tmp_path: Path, viewer: Visitor, adapters: Adapters
) -> None:
    rows = [
        ("extra", f"t{number}", place and place.replace("{warehouse}", tmp_path.as_uri()), "TABLE")
        for number, place in enumerate(LOCATIONS)
    ]
    _put(postgres, *rows, ("extra", "vw", "file:///x", "VIEW"), ("extra", "v0", "file:///x", None))
    adapters.use(catalog=postgres)
    observation_record(part="lake", reading=probe.look())
    lake = tables_now()
    assert lake.state == "degraded"
    assert len(lake.tables) == len(rows) + 2
    for listed in lake.tables:
        assert listed.problem, listed.name
        assert listed.remedy, listed.name
        assert listed.fault == (listed.kind == "table")
        assert listed.remedy in viewer.page(listed.url).part("unreadable")
        assert viewer.get(f"/api/v1/tables/extra/{listed.short_name}").status_code == 409
    assert viewer.get("/lakehouse/").status_code == 200


@pytest.mark.django_db
def test_a_catalogue_of_the_first_schema_version_has_tables_only(postgres: IcebergCatalog) -> None:
    _put(postgres, ("silver", "events", "file:///x", None))
    with postgres._connected().engine.begin() as connected:
        connected.execute(text("ALTER TABLE iceberg_tables DROP COLUMN iceberg_type"))
    assert [head.kind for head in postgres.heads().values()] == ["table"]


@pytest.mark.django_db
def test_a_refused_query_is_no_empty_catalogue(postgres: IcebergCatalog) -> None:
    with postgres._connected().engine.begin() as connected:
        connected.execute(text("ALTER TABLE iceberg_tables RENAME COLUMN catalog_name TO something"))
    with pytest.raises(CatalogUnreachableError, match="catalog_name"):
        postgres.heads()
