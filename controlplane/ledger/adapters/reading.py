"""Converts the counting job's JSON to the port's `LakeCounts`."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from controlplane.ledger.ports import Block, Counted, GoldCount, LakeCounts, Quarantined


def lake_counts(said: Mapping[str, Any]) -> LakeCounts:
    """Parse the dictionary that `spark_jobs.ledger.count.count_lake` returns.

    Raises:
        KeyError, TypeError, ValueError: the dictionary has another structure.
    """
    return LakeCounts(
        counted_at=datetime.fromisoformat(said["counted_at"]),
        snapshots={table: None if found is None else str(found) for table, found in said["snapshots"].items()},
        bronze=_counted(said["bronze"]),
        blocks=[Block(*block) for block in said["blocks"]],
        copies=_counted(said["copies"]),
        pending=_counted(said["pending"]),
        silver=_counted(said["silver"]),
        silver_revenue=_revenue(said["silver"]),
        silver_published=_text(said.get("silver_published_snapshot")),
        quarantine=Quarantined(
            rows=said["quarantine"]["rows"],
            by_reason=dict(said["quarantine"]["by_reason"]),
            by_run={run: dict(reasons) for run, reasons in said["quarantine"]["by_run"].items()},
        ),
        duplicates=_counted(said["duplicates"]),
        unaccounted=_counted(said["unaccounted"]),
        gold={
            table: GoldCount(found["rows"], _text(found.get("input_snapshot")), _revenue(found))
            for table, found in said["gold"].items()
        },
    )


def _counted(said: Mapping[str, Any]) -> Counted:
    return Counted(said["rows"], dict(said["by_run"]))


def _revenue(said: Mapping[str, Any]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in said.get("revenue", {}).items()}


def _text(snapshot: object) -> str | None:
    return None if snapshot is None else str(snapshot)
