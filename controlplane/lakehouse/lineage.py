"""What a run read and wrote, by the stamps that its jobs left on the snapshots (see spark_jobs/provenance.py)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from controlplane.lakehouse import providers
from controlplane.lakehouse.ports import CatalogError, Snapshot, Table, TableUnreadableError
from controlplane.lakehouse.selectors import LakeNow, storage_trouble, table_url, tables_now
from spark_jobs.pipeline import flow_position

# What a writer names as its input where the table that it read was empty.
EMPTY = "none"


@dataclass(frozen=True)
class ReadFrom:
    """What a snapshot was made from. `snapshot_id` is None where the table was empty, and where nobody said."""

    table: str
    snapshot_id: str | None
    empty: bool = False

    @property
    def url(self) -> str:
        return snapshot_url(self.table, self.snapshot_id)


@dataclass(frozen=True)
class Written:
    """A snapshot of a run. What isn't known of it is None: it has expired, or the lake doesn't answer."""

    table: str
    snapshot_id: str
    at: datetime | None = None
    job: str = ""
    published: bool | None = None
    read: ReadFrom | None = None

    @property
    def url(self) -> str:
        return snapshot_url(self.table, self.snapshot_id)


@dataclass(frozen=True)
class Lineage:
    """The snapshots of a run as data flows. `problems` says which tables could not be asked, and why: then there may
    be more of them."""

    written: list[Written]
    problems: list[str] = field(default_factory=list)


def snapshot_url(table: str, snapshot_id: str | None) -> str:
    """The page of a snapshot, or of its table."""
    page = table_url(table)
    return f"{page}?snapshot={quote(snapshot_id, safe='')}#snapshot" if snapshot_id else page


def lineage_of(run_id: str, named: Iterable[tuple[str, str]] = ()) -> Lineage:
    """What a run wrote, and what that was made from.

    Args:
        run_id: Airflow's of the DAG run, or the Spark job's id.
        named: (table, snapshot) that our own rows name for the run: what a gate published has the stamps of the build,
            and what has expired has none.
    """
    lake = tables_now()
    tables: list[Table] = []
    known = {(table.removeprefix("lake."), snapshot) for table, snapshot in named if snapshot}
    if lake.state == "down":  # it was asked just now, and a page that asks again waits for the same silence
        problems = [lake.summary]
    elif trouble := storage_trouble():
        problems = [trouble]
    else:
        tables, problems = _read()
    found = [
        _written(table, snapshot)
        for table in tables
        for snapshot in table.snapshots
        if snapshot.run_id == run_id or (table.name, snapshot.snapshot_id) in known
    ]
    if problems:
        found += _last_seen(lake, run_id, known, {table.name for table in tables})
    there = {(written.table, written.snapshot_id) for written in found}
    found += [Written(table, snapshot) for table, snapshot in sorted(known - there)]
    found.sort(
        key=lambda one: (flow_position(one.table), one.table, one.at is None, one.at.timestamp() if one.at else 0)
    )
    return Lineage(found, problems)


def _read() -> tuple[list[Table], list[str]]:
    catalog = providers.catalog()
    tables: list[Table] = []
    problems: list[str] = []
    try:
        names = list(catalog.heads())
    except CatalogError as error:
        return [], [str(error)]
    for name in names:
        try:
            tables.append(catalog.table(name))
        except TableUnreadableError as error:
            if error.fault:  # no run of ours writes to what isn't read here
                problems.append(str(error))
        except CatalogError as error:
            problems.append(f"{name}: {error}")
    return tables, problems


def _written(table: Table, snapshot: Snapshot) -> Written:
    return Written(
        table=table.name,
        snapshot_id=snapshot.snapshot_id,
        at=snapshot.at,
        job=snapshot.job,
        published=snapshot.snapshot_id in table.published,
        read=_read_from(snapshot.input_table, snapshot.summary.get("lakehouse.input-snapshot", "")),
    )


def _last_seen(lake: LakeNow, run_id: str, known: set[tuple[str, str]], asked: set[str]) -> list[Written]:
    """The current snapshots of the run's, by the last look at the tables that can't be asked now."""
    return [
        Written(
            table=table.name,
            snapshot_id=table.snapshot_id,
            at=table.snapshot_at,
            job=table.writer,
            published=True,
            read=_read_from(table.input_table, table.input_snapshot),
        )
        for table in lake.tables
        if table.snapshot_id
        and table.name not in asked
        and (table.run_id == run_id or (table.name, table.snapshot_id) in known)
    ]


def _read_from(table: str, snapshot: str) -> ReadFrom | None:
    if not table:
        return None
    return ReadFrom(table, None if snapshot in ("", EMPTY) else snapshot, empty=snapshot == EMPTY)
