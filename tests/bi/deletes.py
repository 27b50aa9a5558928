"""Delete files in a table's current snapshot, which pyiceberg reads and does not write."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table import Table
from pyiceberg.typedef import Record

_NO_STATISTICS: dict[str, dict[int, int]] = {
    name: {} for name in ("column_sizes", "value_counts", "null_value_counts", "nan_value_counts")
}


class _DeleteManifest(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def positions_deleted(table: Table, *positions: int) -> None:
    """Mark these rows of the only data file as deleted (position deletes)."""
    path = table.inspect.files()["file_path"][0].as_py()
    # The names and field ids of Iceberg's specification, "Position Delete Files".
    schema = pa.schema(
        [
            pa.field("file_path", pa.string(), nullable=False, metadata={"PARQUET:field_id": "2147483546"}),
            pa.field("pos", pa.int64(), nullable=False, metadata={"PARQUET:field_id": "2147483545"}),
        ]
    )
    content = pa.table({"file_path": [path] * len(positions), "pos": list(positions)}, schema=schema)
    _commit(table, content, DataFileContent.POSITION_DELETES)


def values_deleted(table: Table, column: str, *values: object) -> None:
    """Mark the rows with these values as deleted (equality deletes)."""
    field = table.schema().find_field(column).field_id
    schema = pa.schema([pa.field(column, pa.string(), metadata={"PARQUET:field_id": str(field)})])
    _commit(table, pa.table({column: list(values)}, schema=schema), DataFileContent.EQUALITY_DELETES, [field])


def _commit(table: Table, content: pa.Table, kind: DataFileContent, fields: list[int] | None = None) -> None:
    snapshot = table.current_snapshot()
    assert snapshot is not None
    place = f"{table.location()}/data/deletes-{kind.name}.parquet"
    path = Path(place.removeprefix("file://"))
    pq.write_table(content, path)
    file = DataFile.from_args(
        content=kind, file_path=place, file_format=FileFormat.PARQUET, partition=Record(), record_count=len(content),
        file_size_in_bytes=path.stat().st_size, **_NO_STATISTICS, lower_bounds={}, upper_bounds={}, key_metadata=None,
        split_offsets=None, equality_ids=fields, sort_order_id=None,
    )  # fmt: skip
    made = table.io.new_output(f"{table.location()}/metadata/deletes-{kind.name}.avro")
    with _DeleteManifest(table.spec(), table.schema(), made, snapshot.snapshot_id, "deflate") as manifest:
        manifest.add(
            ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED, snapshot_id=snapshot.snapshot_id, sequence_number=None,
                data_file=file,
            )
        )  # fmt: skip
    manifests = [*snapshot.manifests(table.io), manifest.to_manifest_file()]
    listed = table.io.new_output(snapshot.manifest_list)
    with write_manifest_list(2, listed, snapshot.snapshot_id, None, snapshot.sequence_number, "deflate") as written:
        written.add_manifests(manifests)
