"""The look at the lake: what each table holds now."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from controlplane import wiring
from controlplane.lakehouse.ports import CatalogError, CatalogUnreachableError, Table
from controlplane.lakehouse.selectors import GOLD, total
from controlplane.overview.models import Observation, PartState
from controlplane.overview.reading import Reading
from controlplane.overview.services import measurement_record

# What is kept over time, and the tables whose records it counts together.
MEASURED = {
    "bronze.records": ("bronze.events",),
    "silver.records": ("silver.events",),
    "quarantine.records": ("silver.quarantine",),
    "gold.records": GOLD,
}
# The tables whose newest row is told, and the column that says when it came.
AGED = {"bronze.events": "kafka_time"}


def look() -> Reading:
    """Ask the catalogue for every table's current snapshot.

    While it doesn't answer, what was seen last stays in the detail, with the time it was seen.
    """
    catalog = wiring.catalog()
    tables: dict[str, Any] = {}
    unread: dict[str, str] = {}
    try:
        heads = catalog.heads()
    except CatalogUnreachableError as error:
        kept = Observation.objects.filter(part="lake").values_list("detail", flat=True).first()
        return Reading(PartState.DOWN, str(error), kept or {"tables": {}, "seen_at": None})
    for name in heads:
        try:
            table = catalog.table(name)
            tables[name] = describe(table)
            if name in AGED:
                newest = catalog.newest(table, AGED[name])
                tables[name]["newest_at"] = newest.isoformat() if newest else None
        except CatalogError as error:
            unread[name] = str(error)
    measurement_record(_measured(tables))
    detail: dict[str, Any] = {"tables": tables, "seen_at": timezone.now().isoformat()}
    if unread:
        name, said = next(iter(unread.items()))
        more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
        state = PartState.DEGRADED if tables else PartState.DOWN
        detail["unread"] = unread
        return Reading(state, f"{name} can't be read{more}: {said}", detail)
    if not tables:
        return Reading(PartState.UP, "No tables yet: the first start of the stream makes them.", detail)
    records = total(found["records"] for found in tables.values())
    rows = "rows unknown" if records is None else f"{records:,} rows"
    return Reading(PartState.UP, f"{len(tables)} tables, {rows}", detail)


def _measured(tables: Mapping[str, dict[str, Any]]) -> dict[str, float]:
    """What is kept over time, by its name: the rows that these tables hold together, where all of them are known."""
    found = {
        measured: total(tables[name]["records"] for name in names)
        for measured, names in MEASURED.items()
        if all(name in tables for name in names)
    }
    return {measured: records for measured, records in found.items() if records is not None}


def describe(table: Table) -> dict[str, Any]:
    """A table's current state as JSON. Rows, files and bytes are those of main's current snapshot.

    They are 0 before the first one, and None where its writer did not say.
    """
    current = table.current
    return {
        "records": current.records if current else 0,
        "files": current.files if current else 0,
        "bytes": current.bytes if current else 0,
        "snapshot_id": current.snapshot_id if current else None,
        "snapshot_at": current.at.isoformat() if current else None,
        "operation": current.operation if current else None,
        "writer": current.writer if current else "",
        "run_id": current.run_id if current else "",
        "input_table": current.input_table if current else "",
        "input_snapshot": current.input_snapshot if current else "",
        "snapshots": len(table.snapshots),
        "branches": [ref.name for ref in table.refs],
        "metadata_location": table.metadata_location,
    }
