"""What every catalogue adapter does, over the null one, pyiceberg on a small catalogue, and the running stack."""

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

from controlplane.lakehouse.adapters.iceberg import IcebergCatalog
from controlplane.lakehouse.adapters.null import NullCatalog
from controlplane.lakehouse.ports import Catalog, CatalogUnreachableError, TableMissingError
from tests.lakehouse.tables import snapshot, table


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
    assert heads["silver.events"].endswith(".metadata.json")


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


@pytest.mark.stack
def test_the_stacks_catalogue_answers_like_the_others(stack: object, toured: str) -> None:
    said = stack.connections["catalog"]  # type: ignore[attr-defined]
    store = stack.object_store  # type: ignore[attr-defined]
    catalog = IcebergCatalog(uri=said["uri"], warehouse=said["warehouse"], store=store)
    try:
        heads = catalog.heads()
        assert {"bronze.events", "silver.events", "silver.quarantine"} <= set(heads)
        found = catalog.table("bronze.events")
        assert found.metadata_location == catalog.heads()["bronze.events"]
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


def test_metadata_that_is_gone_is_no_answer(tmp_path: Path) -> None:
    lake, writer = _iceberg(tmp_path)
    for metadata in tmp_path.rglob("*.metadata.json"):
        metadata.unlink()

    assert list(lake.catalog.heads()) == ["silver.events"]
    with pytest.raises(CatalogUnreachableError, match=r"silver\.events"):
        lake.catalog.table("silver.events")
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
