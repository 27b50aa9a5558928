"""Reading a table for a page or the API: from the catalogue, or what was last seen while it doesn't answer."""

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
from controlplane.web.filters import ALL, Narrowing
from controlplane.web.paging import LARGEST_PAGE

log = logging.getLogger(__name__)

# A chart of ten thousand points is drawn no better than one of five hundred.
POINTS = 500
# No table of Iceberg is older.
EARLIEST = datetime(2017, 1, 1, tzinfo=UTC)
# What a clock may be ahead.
AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class TableView:
    """What can be said of a table. `table` is None where it can't be read, and `problem` says why then.

    `lasting` tells what can't be read, however often it is asked, from a lake that doesn't answer now; `remedy` says
    what helps, and `fault` is false for what is of a kind that isn't read here.
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
    """The catalogue has it, and it can't be read, however often it is asked."""

    code = "unreadable"
    status = 409


def table_read(name: str) -> TableView:
    """One table.

    Raises:
        NotFoundError: the catalogue knows no such table, nor did it when it was last seen.
    """
    lake = tables_now()
    last_seen = lake.table(name)
    if lake.state == "down":
        # It was just asked. Asking again would only make this page wait for the same silence.
        if last_seen is None:
            raise UnreachableError(
                f"Nothing is known of {name[:600]}: {lake.summary}", "Look again when the lake answers."
            )
        return TableView(name, None, last_seen, lake.seen_at, lake.summary)
    if last_seen is not None and (trouble := storage_trouble()):
        return TableView(name, None, last_seen, lake.seen_at, trouble)
    try:
        return TableView(name, catalog().table(name), last_seen, lake.seen_at)
    except TableMissingError as error:
        raise NotFoundError(str(error), "See the list of tables.") from error
    except TableUnreadableError as error:
        seen_at = last_seen.seen_at if last_seen else None
        return TableView(name, None, last_seen, seen_at, str(error), error.remedy, lasting=True, fault=error.fault)
    except CatalogUnreachableError as error:
        if last_seen is None:
            raise UnreachableError(str(error), "Look again when the lake answers.") from error
        return TableView(name, None, last_seen, lake.seen_at, str(error))


def warm_up() -> None:
    """Read every table once, so that no page waits for the catalogue's libraries to be loaded (seconds)."""
    try:
        names = list(catalog().heads())
    except CatalogError as error:
        log.info("the lake can't be read ahead: %s", error)
        return
    for name in names:
        try:
            catalog().table(name)
        except CatalogError as error:
            log.info("a table can't be read ahead: %s", error)


@dataclass(frozen=True)
class SnapshotPage:
    """Some snapshots of a table, in the form that the pager takes."""

    items: list[Snapshot]
    next: str | None
    cursor: str | None


def snapshots_page(table: Table, *, wanted: Narrowing = ALL, cursor: str | None, size: int) -> SnapshotPage:
    """The snapshots that come after the one the cursor names (a snapshot id), newest first unless `wanted` turns it
    round. The text is looked for in the ids, the operation, who made it in which run, and what it read.

    Raises:
        InvalidInputError: the table has no such snapshot (any more).
    """
    size = max(1, min(size, LARGEST_PAGE))
    snapshots = table.snapshots[::-1] if wanted.oldest_first else table.snapshots
    start = 0
    if cursor:
        places = {snapshot.snapshot_id: place for place, snapshot in enumerate(snapshots)}
        if cursor not in places:
            raise InvalidInputError("cursor: this table has no such snapshot.", "Start again from the first page.")
        start = places[cursor] + 1
    matching = (snapshot for snapshot in snapshots[start:] if _matches(wanted, snapshot))
    found = list(islice(matching, size + 1))
    return SnapshotPage(found[:size], found[size - 1].snapshot_id if len(found) > size else None, cursor or None)


def _matches(wanted: Narrowing, snapshot: Snapshot) -> bool:
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
    """Records over time on main, at most `POINTS` of them and always the newest, for a chart.

    A snapshot without a time, or with one in the future, is left out: it would stretch the axis over years.
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
