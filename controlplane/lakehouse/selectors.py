"""What other rooms and the pages read of the lake, without asking it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from controlplane.overview.models import Observation, PartState
from controlplane.web.filters import NEWEST, OLDEST, Narrowing

# Three looks, one every 5 s, have been missed.
STALE_AFTER = timedelta(seconds=15)
FIRST = datetime.min.replace(tzinfo=UTC)
STORAGE_LOOK_COUNTS = timedelta(seconds=30)

SILVER = ("silver.events", "silver.quarantine")
GOLD = ("gold.hourly_sales", "gold.top_products", "gold.user_sessions")
# The order in which data flows; what is not named here comes after, by name.
FLOW = [
    "bronze.events",
    *SILVER,
    *GOLD,
]


@dataclass(frozen=True)
class TableNow:
    """A table as it was last seen. Counts are None where the last writer did not say; `snapshot_at` is None while
    nothing was written to it; `newest_at` is the time of
    its newest row, where that is told (bronze: when Kafka got it)."""

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
    newest_at: datetime | None = None

    @property
    def namespace(self) -> str:
        return self.name.partition(".")[0]

    @property
    def short_name(self) -> str:
        return self.name.partition(".")[2]


@dataclass(frozen=True)
class LakeNow:
    """All tables as last seen (`seen_at`, None before the first look), and what the newest look said.

    While the lake doesn't answer, `state` is down since `changed_at` and the tables are those of `seen_at`.
    """

    tables: list[TableNow]
    state: str
    summary: str
    seen_at: datetime | None
    changed_at: datetime | None
    unread: dict[str, str] = field(default_factory=dict)

    def table(self, name: str) -> TableNow | None:
        return next((table for table in self.tables if table.name == name), None)


@dataclass(frozen=True)
class GoldLevel:
    """The gold tables that were built, those of them built from another silver than today's, those not built yet."""

    built: list[TableNow]
    late: list[TableNow]
    missing: list[str]


def gold_level(lake: LakeNow) -> GoldLevel | None:
    """How gold stands to silver; None where silver or all of gold has not been published."""
    silver = lake.table("silver.events")
    built = [found for name in GOLD if (found := lake.table(name)) and found.snapshot_id]
    if silver is None or not silver.snapshot_id or not built:
        return None
    late = [table for table in built if table.input_snapshot != silver.snapshot_id]
    return GoldLevel(built, late, [name for name in GOLD if name not in {table.name for table in built}])


def tables_now() -> LakeNow:
    """The tables in flow order, from the last observation: one row of our own database, no far call."""
    row = Observation.objects.filter(part="lake").first()
    if row is None:
        return LakeNow([], "unknown", "Not looked at yet.", None, None)
    tables = [_table_now(name, said) for name, said in row.detail.get("tables", {}).items()]
    tables.sort(key=lambda table: (place_in_flow(table.name), table.name))
    seen_at = parse_datetime(row.detail.get("seen_at") or "")
    fresh = timezone.now() - row.observed_at < STALE_AFTER
    return LakeNow(
        tables=tables,
        state=row.state if fresh else "unknown",
        summary=row.summary,
        seen_at=seen_at,
        changed_at=row.changed_at if fresh else row.observed_at,
        unread=row.detail.get("unread", {}),
    )


def total(counts: Iterable[int | None]) -> int | None:
    """Counts together; None where one of them isn't known."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def tables_listed(lake: LakeNow, wanted: Narrowing, *, by: str = "") -> list[TableNow]:
    """The tables that `wanted` lets through, by the time of their last snapshot and by name, writer and run.

    Args:
        by: `newest` or `oldest`, the last snapshot that is, where tables without one come last; else as data flows.
    """
    found = [
        table
        for table in lake.tables
        if wanted.covers(table.snapshot_at, table.name, table.writer, table.run_id, table.operation)
    ]
    if by in (NEWEST, OLDEST):
        found.sort(key=lambda table: table.snapshot_at or FIRST, reverse=by == NEWEST)
        found.sort(key=lambda table: table.snapshot_at is None)
    return found


def place_in_flow(table: str) -> int:
    """A number to sort tables by: bronze first, gold last, what the flow doesn't name after it."""
    return FLOW.index(table) if table in FLOW else len(FLOW)


def _table_now(name: str, said: dict[str, Any]) -> TableNow:
    return TableNow(
        name=name,
        records=said["records"],
        files=said["files"],
        bytes=said["bytes"],
        snapshot_id=said["snapshot_id"],
        snapshot_at=parse_datetime(said["snapshot_at"]) if said["snapshot_at"] else None,
        operation=said.get("operation") or "",
        writer=said.get("writer", ""),
        run_id=said.get("run_id", ""),
        input_table=said.get("input_table", ""),
        input_snapshot=said.get("input_snapshot", ""),
        snapshots=said.get("snapshots", 0),
        branches=said.get("branches", []),
        newest_at=parse_datetime(said.get("newest_at") or ""),
    )


def storage_trouble() -> str:
    """What is wrong with the object storage by the last look at it; empty where nothing is, or nobody has looked."""
    lately = timezone.now() - STORAGE_LOOK_COUNTS
    seen = Observation.objects.filter(part="storage", state=PartState.DOWN, observed_at__gt=lately).first()
    return seen.summary if seen else ""
