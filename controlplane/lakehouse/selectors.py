"""Reads of the lake for pages and other rooms, from observations only."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from controlplane.errors import InvalidInputError
from controlplane.health.models import Observation, PartState
from controlplane.lakehouse.ports import TABLE
from controlplane.table_names import TableName
from controlplane.web.filters import NEWEST, OLDEST, ListFilter
from controlplane.web.paging import LARGEST_PAGE
from spark_jobs.pipeline import GOLD, flow_position

# Three checks, one every 5 s, were missed.
STALE_AFTER = timedelta(seconds=15)
FIRST = datetime.min.replace(tzinfo=UTC)
STORAGE_LOOK_COUNTS = timedelta(seconds=30)


@dataclass(frozen=True)
class TableNow:
    """A table as last observed. Counts are None if unknown; `snapshot_at` is None for an `empty` table, and if the time
    is unknown; `newest_at` is the time of the newest row, if observed (bronze: Kafka's timestamp).
    With a `problem`, the last check could not read the table: the other fields are from `seen_at`, or unknown.
    `fault` is false for an entry that is not supported here.
    """

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
    snapshots: int | None
    branches: list[str]
    newest_at: datetime | None = None
    kind: str = TABLE
    # Whether `records` includes rows that are marked as deleted.
    before_deletes: bool = False
    empty: bool = False
    # The number of unreadable values in its metadata.
    problems: int = 0
    problem: str = ""
    remedy: str = ""
    fault: bool = False
    seen_at: datetime | None = None

    @cached_property
    def table_name(self) -> TableName:
        """The name in its parts."""
        return TableName.parse(self.name)

    @property
    def namespace(self) -> str:
        """The namespace of the table."""
        return self.table_name.namespace

    @property
    def short_name(self) -> str:
        """The name of the table within its namespace."""
        return self.table_name.short_name

    @property
    def url(self) -> str:
        """The page of the table."""
        return table_url(self.name)


@dataclass(frozen=True)
class LakeNow:
    """All tables as last observed (`seen_at`, None before the first check), and the result of the last check.

    While the catalog is unreachable, `state` is down since `changed_at` and the tables are as of `seen_at`.
    """

    tables: list[TableNow]
    state: str
    summary: str
    seen_at: datetime | None
    changed_at: datetime | None

    @cached_property
    def _by_name(self) -> dict[str, TableNow]:
        return {table.name: table for table in self.tables}

    def table(self, name: str) -> TableNow | None:
        """The table of this full name; None if the last check did not see it."""
        return self._by_name.get(name)

    @property
    def unread(self) -> list[TableNow]:
        """The supported tables that the last check could not read."""
        return [table for table in self.tables if table.fault]

    def state_of(self, *names: str) -> str:
        """The state for these tables alone: other unreadable tables do not affect them."""
        if self.state != PartState.DEGRADED:
            return self.state
        found = (self.table(name) for name in names)
        return str(PartState.DEGRADED if any(table and table.problem for table in found) else PartState.UP)


@dataclass(frozen=True)
class GoldLevel:
    """The gold tables: built, built from an outdated silver snapshot, and not built yet."""

    built: list[TableNow]
    late: list[TableNow]
    missing: list[str]


def gold_level(lake: LakeNow) -> GoldLevel | None:
    """The freshness of gold relative to silver; None if silver or all of gold is unpublished."""
    silver = lake.table("silver.events")
    built = [found for name in GOLD if (found := lake.table(name)) and found.snapshot_id]
    if silver is None or not silver.snapshot_id or not built:
        return None
    late = [table for table in built if table.input_snapshot != silver.snapshot_id]
    return GoldLevel(built, late, [name for name in GOLD if name not in {table.name for table in built}])


def tables_now() -> LakeNow:
    """The tables in pipeline order, from the last observation: one row of our database, no external call."""
    row = Observation.objects.filter(part="lake").first()
    if row is None:
        return LakeNow([], "unknown", "Not checked yet.", None, None)
    tables = [_table_now(name, found) for name, found in row.detail.get("tables", {}).items()]
    tables.sort(key=lambda table: (flow_position(table.name), table.name))
    seen_at = parse_datetime(row.detail.get("seen_at") or "")
    fresh = timezone.now() - row.observed_at < STALE_AFTER
    return LakeNow(
        tables=tables,
        state=row.state if fresh else "unknown",
        summary=row.summary,
        seen_at=seen_at,
        changed_at=row.changed_at if fresh else row.observed_at,
    )


def table_url(name: str) -> str:
    """The page of a table, by its name without the catalog's."""
    named = TableName.parse(name)
    return reverse("lakehouse:table", args=[named.namespace, named.short_name])


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of counts; None if one of them is unknown."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def tables_listed(lake: LakeNow, wanted: ListFilter, *, by: str = "") -> list[TableNow]:
    """The tables that match `wanted`, by the time of their last snapshot and by name, producer and run.

    Args:
        by: `newest` or `oldest` last snapshot, with tables without one last; otherwise pipeline order.
    """
    found = [
        table
        for table in lake.tables
        if wanted.covers(table.snapshot_at, table.name, table.writer, table.run_id, table.operation, table.kind)
    ]
    if by in (NEWEST, OLDEST):
        found.sort(key=lambda table: table.snapshot_at or FIRST, reverse=by == NEWEST)
        found.sort(key=lambda table: table.snapshot_at is None)
    return found


@dataclass(frozen=True)
class TablePage:
    """A page of tables, for the pager."""

    items: list[TableNow]
    next: str | None
    cursor: str | None


def tables_page(tables: list[TableNow], *, cursor: str | None, size: int) -> TablePage:
    """The tables after the cursor.

    Raises:
        InvalidInputError: the cursor does not belong to this list, or its table no longer exists.
    """
    size = max(1, min(size, LARGEST_PAGE))
    start = 0
    if cursor:
        places = {_cursor(table): place for place, table in enumerate(tables)}
        if cursor not in places:
            raise InvalidInputError("cursor: does not belong to this list.", "Start again from the first page.")
        start = places[cursor] + 1
    found = tables[start : start + size]
    more = len(tables) > start + size
    return TablePage(found, _cursor(found[-1]) if more else None, cursor or None)


def _cursor(table: TableNow) -> str:
    # A name may exceed the length of a cursor.
    return hashlib.sha256(table.name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _table_now(name: str, found: dict[str, Any]) -> TableNow:
    return TableNow(
        name=name,
        records=found["records"],
        files=found["files"],
        bytes=found["bytes"],
        snapshot_id=found["snapshot_id"],
        snapshot_at=parse_datetime(found["snapshot_at"]) if found["snapshot_at"] else None,
        operation=found.get("operation") or "",
        writer=found.get("writer", ""),
        run_id=found.get("run_id", ""),
        input_table=found.get("input_table", ""),
        input_snapshot=found.get("input_snapshot", ""),
        snapshots=found.get("snapshots", 0),
        branches=found.get("branches", []),
        newest_at=parse_datetime(found.get("newest_at") or ""),
        kind=found.get("kind", TABLE),
        before_deletes=found.get("before_deletes", False),
        empty=found.get("empty", not found["snapshot_id"]),
        problems=found.get("problems", 0),
        problem=found.get("problem", ""),
        remedy=found.get("remedy", ""),
        fault=found.get("fault", False),
        seen_at=parse_datetime(found.get("seen_at") or ""),
    )


def storage_trouble() -> str:
    """The problem of the object storage found by the last check; empty if there is none, or no recent check."""
    lately = timezone.now() - STORAGE_LOOK_COUNTS
    seen = Observation.objects.filter(part="storage", state=PartState.DOWN, observed_at__gt=lately).first()
    return seen.summary if seen else ""
