"""The look at the lake: what each table holds now."""

from typing import Any

from django.utils import timezone

from controlplane import wiring
from controlplane.lakehouse.ports import CatalogError, CatalogUnreachableError, Table
from controlplane.overview.models import Observation, PartState
from controlplane.overview.reading import Reading
from controlplane.overview.services import measurement_record

# The tables whose records are kept over time, and the name they are kept under.
MEASURED = {
    "bronze.events": "bronze.records",
    "silver.events": "silver.records",
    "silver.quarantine": "quarantine.records",
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
    measurement_record(
        {measured: found["records"] for name, measured in MEASURED.items() if (found := tables.get(name))}
    )
    detail: dict[str, Any] = {"tables": tables, "seen_at": timezone.now().isoformat()}
    if unread:
        name, said = next(iter(unread.items()))
        more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
        state = PartState.DEGRADED if tables else PartState.DOWN
        detail["unread"] = unread
        return Reading(state, f"{name} can't be read{more}: {said}", detail)
    if not tables:
        return Reading(PartState.UP, "No tables yet: the first start of the stream makes them.", detail)
    records = sum(found["records"] for found in tables.values())
    return Reading(PartState.UP, f"{len(tables)} tables, {records:,} rows", detail)


def describe(table: Table) -> dict[str, Any]:
    """A table's current state as JSON. Rows, files and bytes (numbers) are those of main's current snapshot."""
    current = table.current
    return {
        "records": (current.records or 0) if current else 0,
        "files": (current.files or 0) if current else 0,
        "bytes": (current.bytes or 0) if current else 0,
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
