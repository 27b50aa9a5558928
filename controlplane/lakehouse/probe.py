"""The health check of the Iceberg catalog, which observes the state of each table."""

import logging
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from controlplane.health.models import Observation, PartState
from controlplane.health.reading import Reading
from controlplane.health.services import measurement_record
from controlplane.lakehouse import providers
from controlplane.lakehouse.ports import (
    TABLE,
    Catalog,
    CatalogError,
    CatalogUnreachableError,
    Table,
    TableUnreadableError,
)
from controlplane.lakehouse.selectors import total
from spark_jobs.pipeline import GOLD

log = logging.getLogger(__name__)

# Limits of what is stored per table.
LONGEST = 1000
MOST_REFS = 100
# The measurements, each with the tables whose records it sums.
MEASURED = {
    "bronze.records": ("bronze.events",),
    "silver.records": ("silver.events",),
    "quarantine.records": ("silver.quarantine",),
    "gold.records": GOLD,
}
# The tables whose newest row is observed, and the column with its time.
AGED = {"bronze.events": "kafka_time"}


def look() -> Reading:
    """Read every table's current snapshot from the catalog.

    Each table is read separately. An unreadable table keeps its last observation, with the reason. While the whole
    catalog is unreachable, the last observation stays in the detail, with its time.
    """
    catalog = providers.catalog()
    kept = Observation.objects.filter(part="lake").values_list("detail", flat=True).first() or {}
    try:
        heads = catalog.heads()
    except CatalogUnreachableError as error:
        return Reading(PartState.DOWN, str(error), kept or {"tables": {}, "seen_at": None})
    now = timezone.now().isoformat()
    tables: dict[str, Any] = {}
    silent = []
    for name, head in heads.items():
        seen = {**describe(None), **kept.get("tables", {}).get(name, {})}
        try:
            table = catalog.table(name)
            tables[name] = {**describe(table), "seen_at": now, "newest_at": _newest(catalog, table)}
        except TableUnreadableError as error:
            problem = {"problem": str(error)[:LONGEST], "remedy": error.remedy[:LONGEST], "fault": error.fault}
            tables[name] = {**seen, "kind": head.kind[:40], **problem}
        except CatalogError as error:
            silent.append(name)
            tables[name] = {
                **seen,
                "kind": head.kind[:40],
                "problem": str(error)[:LONGEST],
                "remedy": "",
                "fault": True,
            }
    read = {name: found for name, found in tables.items() if not found["problem"]}
    measurement_record(_measured(read))
    # If all tables fail with transient errors, this check observed nothing.
    away = bool(silent) and not read and len(silent) == sum(found["fault"] for found in tables.values())
    detail = {"tables": tables, "seen_at": kept.get("seen_at") if away else now}
    return Reading(*_summary(tables, read, away=away), detail)


def _newest(catalog: Catalog, table: Table) -> str | None:
    """The time of the newest row of a table in AGED; None if its manifests can't be read."""
    if table.name not in AGED:
        return None
    try:
        newest = catalog.newest(table, AGED[table.name])
    except CatalogError as error:
        log.warning("the newest row of %s is unknown: %s", table.name, error)
        return None
    return newest.isoformat() if newest else None


def _summary(tables: Mapping[str, Any], read: Mapping[str, Any], *, away: bool) -> tuple[PartState, str]:
    if not tables:
        return PartState.UP, "Healthy. No tables yet; the first start of the stream creates them."
    faults = [found for found in tables.values() if found["problem"] and found["fault"]]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return PartState.DOWN if away else PartState.DEGRADED, f"{faults[0]['problem'][:250]}{more}"
    records = total(found["records"] for found in read.values())
    rows = "rows unknown" if records is None else f"{records:,} rows"
    if any(found["before_deletes"] for found in read.values()):
        rows += " before deletes"
    others = f"; {len(tables) - len(read)} unsupported" if len(read) < len(tables) else ""
    return PartState.UP, f"Healthy. {len(read)} tables, {rows}{others}."


def _measured(tables: Mapping[str, dict[str, Any]]) -> dict[str, float]:
    """The measurements by name: the sum of rows per group of tables, if all are known."""
    found = {
        measured: total(tables[name]["records"] for name in names)
        for measured, names in MEASURED.items()
        if all(name in tables for name in names)
    }
    return {measured: records for measured, records in found.items() if records is not None}


def describe(table: Table | None) -> dict[str, Any]:
    """A table's current state as JSON. Rows, files and bytes are those of main's current snapshot.

    They are 0 before the first snapshot, and None if the writer did not report them or the snapshot is missing. With
    `table=None`, all values are unknown.
    """
    current = table.current if table else None
    nothing = 0 if table is not None and table.empty else None
    return {
        "kind": TABLE,
        "records": current.records if current else nothing,
        "before_deletes": current.before_deletes if current else False,
        "files": current.files if current else nothing,
        "bytes": current.bytes if current else nothing,
        "snapshot_id": table.current_id if table else None,
        "snapshot_at": current.at.isoformat() if current and current.at else None,
        "empty": table is not None and table.empty,
        "operation": _short(current.operation if current else ""),
        "writer": _short(current.writer if current else ""),
        "run_id": _short(current.run_id if current else ""),
        "input_table": _short(current.input_table if current else ""),
        "input_snapshot": _short(current.input_snapshot if current else ""),
        "snapshots": len(table.snapshots) if table else None,
        "branches": [_short(ref.name) for ref in table.refs[:MOST_REFS]] if table else [],
        "refs": len(table.refs) if table else None,
        "metadata_location": _short(table.metadata_location) if table else "",
        "problems": len(table.problems) if table else 0,
        "newest_at": None,
        "seen_at": None,
        "problem": "",
        "remedy": "",
        "fault": False,
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
