"""The lake's tables in the REST API."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from controlplane.accounts.errors import UnreachableError
from controlplane.accounts.requests import person_of
from controlplane.lakehouse.ports import Snapshot, Table
from controlplane.lakehouse.producers import producer
from controlplane.lakehouse.reading import snapshots_page, table_read
from controlplane.lakehouse.selectors import TableNow, tables_listed, tables_now
from controlplane.web.api_input import Cursor, Limit, Text
from controlplane.web.filters import ListQuery, RangeQuery

router = Router()


class TableQuery(RangeQuery):
    """The times are those of the tables' last snapshots."""

    sort: Literal["flow", "newest", "oldest"] = Field(
        "flow", description="As data flows, or by the last snapshot; tables without one come last then."
    )


class TableOut(Schema):
    """A table as last seen. Rows, files and bytes are those of main's current snapshot."""

    name: str
    records: int | None
    files: int | None
    bytes: int | None
    snapshot_id: str | None
    snapshot_at: datetime | None
    operation: str
    writer: str
    run_id: str
    input_table: str
    input_snapshot: str
    snapshots: int
    branches: list[str]


class TableList(Schema):
    """`state` is that of the lake; while it is down the tables are those of `seen_at`."""

    items: list[TableOut]
    next: str | None = None
    state: str
    summary: str
    seen_at: datetime | None


class FieldOut(Schema):
    field_id: int
    path: str
    type: str
    required: bool
    doc: str


class RefOut(Schema):
    name: str
    kind: str
    snapshot_id: str


class SnapshotOut(Schema):
    """One commit. Counts are None where the writer did not say; `on_main` is false for what was never published."""

    snapshot_id: str
    parent_id: str | None
    at: datetime
    operation: str
    records: int | None
    added_records: int | None
    deleted_records: int | None
    files: int | None
    added_files: int | None
    deleted_files: int | None
    bytes: int | None
    job: str
    run_id: str
    run_url: str
    input_table: str
    input_snapshot: str
    on_main: bool
    summary: dict[str, str]

    @classmethod
    def of(cls, table: Table, snapshot: Snapshot) -> "SnapshotOut":
        return cls(
            snapshot_id=snapshot.snapshot_id,
            parent_id=snapshot.parent_id,
            at=snapshot.at,
            operation=snapshot.operation,
            records=snapshot.records,
            added_records=snapshot.added_records,
            deleted_records=snapshot.deleted_records,
            files=snapshot.files,
            added_files=snapshot.added_files,
            deleted_files=snapshot.deleted_files,
            bytes=snapshot.bytes,
            job=snapshot.job,
            run_id=snapshot.run_id,
            run_url=producer(snapshot.job, snapshot.run_id).url,
            input_table=snapshot.input_table,
            input_snapshot=snapshot.input_snapshot,
            on_main=snapshot.snapshot_id in table.published,
            summary=dict(snapshot.summary),
        )


class SnapshotList(Schema):
    items: list[SnapshotOut]
    next: str | None


class TableDetail(Schema):
    """A table as its current metadata describes it."""

    name: str
    uuid: str
    location: str
    metadata_location: str
    format_version: int
    updated_at: datetime
    current_snapshot: SnapshotOut | None
    snapshots: int
    fields: list[FieldOut]
    partitioning: list[str]
    sorting: list[str]
    refs: list[RefOut]
    properties: dict[str, str]


@router.get("/tables", response=TableList, summary="The lake's tables as last seen")
def list_tables(request: HttpRequest, asked: Query[TableQuery]) -> TableList:
    lake = tables_now()
    tables = tables_listed(lake, asked.narrowing(person_of(request)), by=asked.sort)
    return TableList(
        items=[_table_out(table) for table in tables], state=lake.state, summary=lake.summary, seen_at=lake.seen_at
    )


def _table_out(table: TableNow) -> TableOut:
    return TableOut.model_validate({name: getattr(table, name) for name in TableOut.model_fields})


@router.get("/tables/{namespace}/{name}", response=TableDetail, summary="One table: schema, refs, properties")
def read_table(request: HttpRequest, namespace: Text, name: Text) -> TableDetail:
    table = _read(namespace, name)
    return TableDetail(
        name=table.name,
        uuid=table.uuid,
        location=table.location,
        metadata_location=table.metadata_location,
        format_version=table.format_version,
        updated_at=table.updated_at,
        current_snapshot=SnapshotOut.of(table, table.current) if table.current else None,
        snapshots=len(table.snapshots),
        fields=[
            FieldOut(field_id=field.field_id, path=field.path, type=field.type, required=field.required, doc=field.doc)
            for field in table.fields
        ],
        partitioning=list(table.partitioning),
        sorting=list(table.sorting),
        refs=[RefOut(name=ref.name, kind=ref.kind, snapshot_id=ref.snapshot_id) for ref in table.refs],
        properties=dict(table.properties),
    )


@router.get("/tables/{namespace}/{name}/snapshots", response=SnapshotList, summary="A table's snapshots, newest first")
def list_snapshots(
    request: HttpRequest,
    namespace: Text,
    name: Text,
    asked: Query[ListQuery],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SnapshotList:
    table = _read(namespace, name)
    page = snapshots_page(table, wanted=asked.narrowing(person_of(request)), cursor=cursor, size=limit)
    return SnapshotList(items=[SnapshotOut.of(table, snapshot) for snapshot in page.items], next=page.next)


def _read(namespace: Text, name: Text) -> Table:
    view = table_read(f"{namespace}.{name}")
    if view.table is None:
        raise UnreachableError(f"{view.name} can't be read now: {view.problem}", "Ask again when the lake answers.")
    return view.table
