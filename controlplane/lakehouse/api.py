"""The lake's tables in the REST API."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from controlplane.accounts.requests import person_of
from controlplane.errors import UnreachableError
from controlplane.lakehouse import ports
from controlplane.lakehouse.names import Name
from controlplane.lakehouse.ports import Snapshot, Table
from controlplane.lakehouse.reading import UnreadableTableError, snapshots_page, table_read
from controlplane.lakehouse.selectors import TableNow, tables_listed, tables_now, tables_page
from controlplane.links import producer
from controlplane.table_names import TableName
from controlplane.web.api_input import Cursor, Limit, Whole
from controlplane.web.filters import ListQuery, RangeQuery
from controlplane.web.paging import LARGEST_PAGE

router = Router()


class TableQuery(RangeQuery):
    """The times are those of the tables' last snapshots."""

    sort: Literal["flow", "newest", "oldest"] = Field(
        "flow", description="As data flows, or by the last snapshot; tables without one come last then."
    )


class TableOut(Schema):
    """A table as last seen. Rows, files and bytes are those of main's current snapshot.

    With a `problem` it could not be read by the newest look: the rest is of `seen_at` then, or null.
    """

    name: str = Field(description="A table whose own name has a dot or a backtick stands in backticks.")
    namespace: str
    short_name: str
    url: str = Field(description="Its page; its last two segments name it in the paths of this API.")
    kind: str = Field(description="`table`, `view` or another word of the catalogue's. Only tables are read.")
    problem: str = Field(description="Why it can't be read; empty where it was.")
    remedy: str = Field(description="What can be done about the problem.")
    seen_at: datetime | None
    records: int | None
    before_deletes: bool = Field(description="Rows that are marked as deleted are among `records`.")
    files: int | None
    bytes: int | None
    snapshot_id: str | None
    snapshot_at: datetime | None
    operation: str
    writer: str
    run_id: str
    input_table: str
    input_snapshot: str
    snapshots: int | None
    branches: list[str]


class TableList(Schema):
    """`state` is that of the lake; while it is down the tables are those of `seen_at`."""

    items: list[TableOut]
    next: str | None
    state: str
    summary: str
    seen_at: datetime | None


class FieldOut(Schema):
    field_id: int | None
    path: str
    type: str
    required: bool | None
    doc: str


class SpecOut(Schema):
    spec_id: str
    terms: list[str]
    current: bool


class RefOut(Schema):
    name: str
    kind: str
    snapshot_id: str


class SnapshotOut(Schema):
    """One commit. Counts are None where the writer did not say; `on_main` is false for what was never published."""

    snapshot_id: str
    parent_id: str | None
    at: datetime | None
    operation: str
    records: int | None
    before_deletes: bool = Field(description="Rows that are marked as deleted are among `records`.")
    deletes: int | None = Field(description="Deletes that files name, by position and by equality.")
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
            before_deletes=snapshot.before_deletes,
            deletes=snapshot.deletes,
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
    """A table as its current metadata describes it. Null stands for what can't be read of it; `problems` says why."""

    name: str
    uuid: str
    location: str
    metadata_location: str
    format_version: int
    updated_at: datetime | None
    current_snapshot_id: str | None
    current_snapshot: SnapshotOut | None
    snapshots: int
    fields: list[FieldOut] | None
    partitioning: list[str] | None
    partition_specs: list[SpecOut]
    sorting: list[str] | None
    refs: list[RefOut]
    properties: dict[str, str]
    columns: int | None = Field(description="How many there are; at most 1,000 of `fields` are in one answer.")
    refs_in_all: int
    properties_in_all: int
    problems: list[str]


# Columns, refs and properties of one answer.
SHOWN = 1000


@router.get("/tables", response=TableList, summary="The lake's tables as last seen")
def list_tables(
    request: HttpRequest, asked: Query[TableQuery], cursor: Cursor = None, limit: Limit = LARGEST_PAGE
) -> TableList:
    lake = tables_now()
    tables = tables_listed(lake, asked.narrowing(person_of(request)), by=asked.sort)
    page = tables_page(tables, cursor=cursor, size=limit)
    return TableList(
        items=[_table_out(table) for table in page.items],
        next=page.next,
        state=lake.state,
        summary=lake.summary,
        seen_at=lake.seen_at,
    )


def _table_out(table: TableNow) -> TableOut:
    return TableOut.model_validate({name: getattr(table, name) for name in TableOut.model_fields})


@router.get("/tables/{namespace}/{name}", response=TableDetail, summary="One table: schema, refs, properties")
def read_table(request: HttpRequest, namespace: Name, name: Name, start: Whole = 0) -> TableDetail:
    """`start` is the first of the columns, refs and properties to give, counted from 0."""
    table = _read(namespace, name)
    shown = slice(start, start + SHOWN)
    return TableDetail(
        name=table.name,
        uuid=table.uuid,
        location=table.location,
        metadata_location=table.metadata_location,
        format_version=table.format_version,
        updated_at=table.updated_at,
        current_snapshot_id=table.current_id,
        current_snapshot=SnapshotOut.of(table, table.current) if table.current else None,
        snapshots=len(table.snapshots),
        fields=None if table.fields is None else [_field_out(field) for field in table.fields[shown]],
        partitioning=None if table.partitioning is None else list(table.partitioning),
        partition_specs=[
            SpecOut(spec_id=one.spec_id, terms=list(one.terms), current=one.current) for one in table.specs
        ],
        sorting=None if table.sorting is None else list(table.sorting),
        refs=[RefOut(name=ref.name, kind=ref.kind, snapshot_id=ref.snapshot_id) for ref in table.refs[shown]],
        properties=dict(list(table.properties.items())[shown]),
        columns=None if table.fields is None else len(table.fields),
        refs_in_all=len(table.refs),
        properties_in_all=len(table.properties),
        problems=list(table.problems),
    )


def _field_out(field: ports.Field) -> FieldOut:
    return FieldOut(field_id=field.field_id, path=field.path, type=field.type, required=field.required, doc=field.doc)


@router.get("/tables/{namespace}/{name}/snapshots", response=SnapshotList, summary="A table's snapshots, newest first")
def list_snapshots(
    request: HttpRequest,
    namespace: Name,
    name: Name,
    asked: Query[ListQuery],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SnapshotList:
    table = _read(namespace, name)
    page = snapshots_page(table, wanted=asked.narrowing(person_of(request)), cursor=cursor, size=limit)
    return SnapshotList(items=[SnapshotOut.of(table, snapshot) for snapshot in page.items], next=page.next)


def _read(namespace: Name, name: Name) -> Table:
    view = table_read(str(TableName(namespace, name)))
    if view.table is None and view.lasting:
        raise UnreadableTableError(view.problem, view.remedy)
    if view.table is None:
        raise UnreachableError(f"{view.name} can't be read now: {view.problem}", "Ask again when the lake answers.")
    return view.table
