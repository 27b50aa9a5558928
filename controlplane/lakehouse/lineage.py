"""The inputs and outputs of a run, from the snapshot properties that its jobs set (see spark_jobs/provenance.py)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from controlplane.lakehouse import providers
from controlplane.lakehouse.ports import CatalogError, Snapshot, Table, TableUnreadableError
from controlplane.lakehouse.selectors import LakeNow, storage_trouble, table_url, tables_now
from spark_jobs.pipeline import flow_position

# The input snapshot that a writer records if its input table was empty.
EMPTY = "none"


@dataclass(frozen=True)
class ReadFrom:
    """The source of a snapshot. `snapshot_id` is None if the table was empty or the snapshot is unknown."""

    table: str
    snapshot_id: str | None
    empty: bool = False

    @property
    def url(self) -> str:
        """The page of the table at this snapshot."""
        return snapshot_url(self.table, self.snapshot_id)


@dataclass(frozen=True)
class Written:
    """A snapshot written by a run. Unknown fields are None: it has expired, or the catalog is unreachable."""

    table: str
    snapshot_id: str
    at: datetime | None = None
    job: str = ""
    published: bool | None = None
    read: ReadFrom | None = None

    @property
    def url(self) -> str:
        """The page of the table at this snapshot."""
        return snapshot_url(self.table, self.snapshot_id)


@dataclass(frozen=True)
class Lineage:
    """The snapshots of a run in pipeline order. `problems` says which tables could not be read, and why: there may be
    more snapshots in these."""

    written: list[Written]
    problems: list[str] = field(default_factory=list)


def snapshot_url(table: str, snapshot_id: str | None) -> str:
    """The page of a snapshot, or of its table."""
    page = table_url(table)
    return f"{page}?snapshot={quote(snapshot_id, safe='')}#snapshot" if snapshot_id else page


def lineage_of(run_id: str, named: Iterable[tuple[str, str]] = ()) -> Lineage:
    """The outputs of a run and their inputs.

    Args:
        run_id: Airflow's id of the DAG run, or the id of the Spark job.
        named: (table, snapshot) that our own rows record for the run: a snapshot that a gate published has the
            properties of the build, and an expired snapshot has none.
    """
    lake = tables_now()
    tables: list[Table] = []
    known = {(table.removeprefix("lake."), snapshot) for table, snapshot in named if snapshot}
    if lake.state == "down":  # it was just checked; another request would only time out again
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
            if error.fault:  # our runs write no unsupported kinds
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
    """Current snapshots of the run, from the last observation of the tables that can't be read now."""
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
