"""Reads a table for a page or the API: from the catalog, or the last observation while it is unreachable."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.utils import timezone

from controlplane.errors import ActionError, InvalidInputError, NotFoundError, UnreachableError
from controlplane.lakehouse.ports import (
    CatalogError,
    CatalogUnreachableError,
    Snapshot,
    Table,
    TableMissingError,
    TableUnreadableError,
)
from controlplane.lakehouse.providers import catalog
from controlplane.lakehouse.selectors import TableNow, storage_trouble, tables_now
from controlplane.web.filters import ALL, ListFilter
from controlplane.web.paging import LARGEST_PAGE

log = logging.getLogger(__name__)

# More points do not improve a chart.
POINTS = 500
# No Iceberg table is older.
EARLIEST = datetime(2017, 1, 1, tzinfo=UTC)
# The tolerated clock skew.
AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class TableView:
    """A table, or why it can't be read: `table` is None then, and `problem` has the reason.

    `lasting` is true for a permanently unreadable table and false for an unreachable catalog; `remedy` says how to fix
    it, and `fault` is false for an entry that is not supported here.
    """

    name: str
    table: Table | None
    last_seen: TableNow | None
    seen_at: datetime | None
    problem: str = ""
    remedy: str = ""
    lasting: bool = False
    fault: bool = True


class UnreadableTableError(ActionError):
    """The table exists in the catalog and is permanently unreadable."""

    code = "unreadable"
    status = 409


def table_read(name: str) -> TableView:
    """One table.

    Raises:
        NotFoundError: the catalog has no such table, and had none when it was last observed.
    """
    lake = tables_now()
    last_seen = lake.table(name)
    if lake.state == "down":
        # It was just checked: another request would only time out again.
        if last_seen is None:
            raise UnreachableError(
                f"Table {name[:600]} is unknown: {lake.summary}", "Retry when the catalog is reachable."
            )
        return TableView(name, None, last_seen, lake.seen_at, lake.summary)
    if last_seen is not None and (trouble := storage_trouble()):
        return TableView(name, None, last_seen, lake.seen_at, trouble)
    try:
        return TableView(name, catalog().table(name), last_seen, lake.seen_at)
    except TableMissingError as error:
        raise NotFoundError(str(error), "See the list of tables on the page Lakehouse.") from error
    except TableUnreadableError as error:
        seen_at = last_seen.seen_at if last_seen else None
        return TableView(name, None, last_seen, seen_at, str(error), error.remedy, lasting=True, fault=error.fault)
    except CatalogUnreachableError as error:
        if last_seen is None:
            raise UnreachableError(str(error), "Retry when the catalog is reachable.") from error
        return TableView(name, None, last_seen, lake.seen_at, str(error))


def warm_up() -> None:
    """Read every table once, so that no page waits seconds for the catalog's libraries to load."""
    try:
        names = list(catalog().heads())
    except CatalogError as error:
        log.info("warm-up: the catalog can't be read: %s", error)
        return
    for name in names:
        try:
            catalog().table(name)
        except CatalogError as error:
            log.info("warm-up: a table can't be read: %s", error)


@dataclass(frozen=True)
class SnapshotPage:
    """A page of snapshots, for the pager."""

    items: list[Snapshot]
    next: str | None
    cursor: str | None


def snapshots_page(table: Table, *, wanted: ListFilter = ALL, cursor: str | None, size: int) -> SnapshotPage:
    """The snapshots after the cursor (a snapshot id), newest first unless `wanted` reverses it. The text is searched
    in the ids, the operation, the producer, the run and the source.

    Raises:
        InvalidInputError: the table has no such snapshot (any more).
    """
    size = max(1, min(size, LARGEST_PAGE))
    snapshots = table.snapshots[::-1] if wanted.oldest_first else table.snapshots
    start = 0
    if cursor:
        places = {snapshot.snapshot_id: place for place, snapshot in enumerate(snapshots)}
        if cursor not in places:
            raise InvalidInputError(
                "cursor: the snapshot does not exist in this table.", "Start again from the first page."
            )
        start = places[cursor] + 1
    matching = (snapshot for snapshot in snapshots[start:] if _matches(wanted, snapshot))
    found = list(islice(matching, size + 1))
    return SnapshotPage(found[:size], found[size - 1].snapshot_id if len(found) > size else None, cursor or None)


def _matches(wanted: ListFilter, snapshot: Snapshot) -> bool:
    return wanted.covers(
        snapshot.at,
        snapshot.snapshot_id,
        snapshot.operation,
        snapshot.writer,
        snapshot.run_id,
        snapshot.input_table,
        snapshot.input_snapshot,
    )


def records_series(table: Table) -> list[dict[str, object]]:
    """Records on main over time for a chart: at most `POINTS` points, always including the newest.

    Snapshots without a time, or with a future one, are skipped: they would stretch the axis over years.
    """
    latest = timezone.now() + AHEAD
    history = [
        (snapshot.at, snapshot.records)
        for snapshot in reversed(table.snapshots)
        if snapshot.snapshot_id in table.published
        and snapshot.records is not None
        and snapshot.at is not None
        and EARLIEST <= snapshot.at <= latest
    ]
    step = max(1, -(-len(history) // POINTS))
    points = [[at.isoformat(), records] for at, records in history[::-1][::step][::-1]]
    return [{"name": f"{table.name} records", "points": points}]
