"""The lake's tables in the REST API."""

from datetime import datetime
from itertools import islice
from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from controlplane.accounts.requests import current_user
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


# The limit of columns, partition specs, refs and properties in one response.
SHOWN = 1000
# The limits of a snapshot.
SUMMARY_SHOWN = 100
LONGEST_TEXT = 1_000


class TableQuery(RangeQuery):
    """`since` and `until` apply to the last snapshot of a table."""

    sort: Literal["flow", "newest", "oldest"] = Field(
        "flow", description="Pipeline order (`flow`), or by the last snapshot with tables without snapshots last."
    )


class TableOut(Schema):
    """A table as last observed. Rows, files and bytes are those of main's current snapshot.

    With a `problem`, the last check could not read the table: the other fields are from `seen_at`, or null.
    """

    name: str = Field(
        description="If the name of the table itself contains a dot or a backtick, it is quoted with backticks."
    )
    namespace: str
    short_name: str
    url: str = Field(
        description="The page of the table. Its last two segments identify the table in the paths of this API."
    )
    kind: str = Field(description="`table`, `view` or another type of the catalog. Only tables are read.")
    problem: str = Field(description="Why the table can't be read; empty if it was read.")
    remedy: str = Field(description="How to fix the problem.")
    seen_at: datetime | None
    records: int | None
    before_deletes: bool = Field(description="Whether `records` includes rows that are marked as deleted.")
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
    """`state` is that of the catalog; while it is down, the tables are as of `seen_at`."""

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
    """One commit. Counts are null if the writer did not report them; `on_main` is false if it was never published."""

    snapshot_id: str
    parent_id: str | None
    at: datetime | None
    operation: str
    records: int | None
    before_deletes: bool = Field(description="Whether `records` includes rows that are marked as deleted.")
    deletes: int | None = Field(description="Position deletes and equality deletes.")
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
    summary: dict[str, str] = Field(
        description=f"The first {SUMMARY_SHOWN} entries, with the first {LONGEST_TEXT:,} characters of a value."
    )
    summary_in_all: int = Field(description="Number of all entries of the summary.")

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
            job=snapshot.job[:LONGEST_TEXT],
            run_id=snapshot.run_id[:LONGEST_TEXT],
            run_url=producer(snapshot.job, snapshot.run_id).url,
            input_table=snapshot.input_table[:LONGEST_TEXT],
            input_snapshot=snapshot.input_snapshot[:LONGEST_TEXT],
            on_main=snapshot.snapshot_id in table.published,
            summary={
                name[:LONGEST_TEXT]: value[:LONGEST_TEXT]
                for name, value in islice(snapshot.summary.items(), SUMMARY_SHOWN)
            },
            summary_in_all=len(snapshot.summary),
        )


class SnapshotList(Schema):
    items: list[SnapshotOut]
    next: str | None


class TableDetail(Schema):
    """A table as described by its current metadata. Null values could not be read; `problems` says why."""

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
    columns: int | None = Field(description="The total number of columns; one response has at most 1,000 `fields`.")
    refs_in_all: int
    properties_in_all: int
    problems: list[str]


@router.get("/tables", response=TableList, summary="List tables as last observed")
def list_tables(
    request: HttpRequest, asked: Query[TableQuery], cursor: Cursor = None, limit: Limit = LARGEST_PAGE
) -> TableList:
    lake = tables_now()
    tables = tables_listed(lake, asked.list_filter(current_user(request)), by=asked.sort)
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


@router.get("/tables/{namespace}/{name}", response=TableDetail, summary="Get a table: schema, refs and properties")
def read_table(request: HttpRequest, namespace: Name, name: Name, start: Whole = 0) -> TableDetail:
    """`start` is the index of the first column, ref and property to return."""
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
            SpecOut(spec_id=one.spec_id, terms=list(one.terms), current=one.current) for one in table.specs[shown]
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


@router.get(
    "/tables/{namespace}/{name}/snapshots", response=SnapshotList, summary="List the snapshots of a table, newest first"
)
def list_snapshots(
    request: HttpRequest,
    namespace: Name,
    name: Name,
    asked: Query[ListQuery],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SnapshotList:
    table = _read(namespace, name)
    page = snapshots_page(table, wanted=asked.list_filter(current_user(request)), cursor=cursor, size=limit)
    return SnapshotList(items=[SnapshotOut.of(table, snapshot) for snapshot in page.items], next=page.next)


def _read(namespace: Name, name: Name) -> Table:
    view = table_read(str(TableName(namespace, name)))
    if view.table is None and view.lasting:
        raise UnreadableTableError(view.problem, view.remedy)
    if view.table is None:
        raise UnreachableError(f"{view.name} can't be read now: {view.problem}", "Retry when the catalog is reachable.")
    return view.table
