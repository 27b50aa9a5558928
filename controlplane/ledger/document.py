"""A statement's document: the ledger as JSON, with a link for every number."""

from typing import Any

from controlplane.ledger.balance import lines, run_lines
from controlplane.ledger.inputs import LedgerInputs, Line, balanced
from controlplane.scenarios.runs.truth import RunTruth

# A document with the checks of thousands of runs would be megabytes; older runs stay in the totals.
RUNS_SHOWN = 200


def build(books: LedgerInputs) -> dict[str, Any]:
    """Build the document: `flow` has the waterfall's numbers, `quarantine` the rejected rows, `runs` are by run id."""
    found = lines(books)
    lake = books.lake
    return {
        "balanced": balanced(found),
        "counted_at": lake.counted_at.isoformat() if lake else None,
        "snapshots": dict(lake.snapshots) if lake else {},
        "flow": flow(books, None),
        "left_out": {
            "runs": [{"id": run.run_id, "name": run.name} for run in books.left_out[:RUNS_SHOWN]],
            "lost_records": books.lost_records,
        },
        "quarantine": quarantine(books, None),
        "lines": [line_json(line, None) for line in found],
        "run_order": [run.run_id for run in books.runs[:RUNS_SHOWN]],
        "runs": {
            run.run_id: {
                "name": run.name,
                "in_progress": run.in_progress,
                "flow": flow(books, run),
                "quarantine": quarantine(books, run),
                "lines": [line_json(line, run) for line in run_lines(books, run)],
            }
            for run in books.runs[:RUNS_SHOWN]
        },
    }


def flow(books: LedgerInputs, run: RunTruth | None) -> dict[str, Any]:
    """The number of records per stage, for all runs or for one; None if unknown."""
    runs = books.runs if run is None else [run]
    sent = {
        "generated": sum(one.generated for one in runs),
        "acknowledged": sum(one.acknowledged for one in runs),
        "failed": sum(one.failed for one in runs),
    }
    lake = books.lake
    if lake is None:
        return {**sent, "topic": books.topic_records if run is None else None}
    if run is None:
        return {
            **sent,
            "from_elsewhere": books.from_elsewhere,
            "topic": books.topic_records,
            "on_the_way": books.on_the_way,
            "behind_open_transactions": books.held,
            "estimated": books.estimated,
            "bronze": lake.bronze.rows,
            "pending": lake.pending.rows,
            "silver": lake.silver.rows,
            "quarantined": lake.quarantine.rows,
            "duplicates": lake.duplicates.rows,
            "unaccounted": lake.unaccounted.rows,
            "gold": {table: found.rows for table, found in lake.gold.items()},
            "revenue": {currency: str(amount) for currency, amount in lake.silver_revenue.items()},
        }
    key = run.run_id
    return {
        **sent,
        "bronze": lake.bronze.by_run.get(key, 0),
        "pending": lake.pending.by_run.get(key, 0),
        "silver": lake.silver.by_run.get(key, 0),
        "quarantined": sum(lake.quarantine.by_run.get(key, {}).values()),
        "duplicates": lake.duplicates.by_run.get(key, 0),
        "unaccounted": lake.unaccounted.by_run.get(key, 0),
    }


def quarantine(books: LedgerInputs, run: RunTruth | None) -> list[dict[str, Any]]:
    """Quarantined rows by reason, most first: all rows, rows of known runs, and injected rows."""
    if books.lake is None:
        return []
    runs = books.runs if run is None else [run]
    by_run = books.lake.quarantine.by_run
    ours = [by_run.get(one.run_id, {}) for one in runs]
    everything = books.lake.quarantine.by_reason if run is None else ours[0]
    reasons = sorted(
        {*everything, *(reason for one in runs for reason in one.injected)},
        key=lambda reason: (-everything.get(reason, 0), reason),
    )
    return [
        {
            "reason": reason,
            "rows": everything.get(reason, 0),
            "of_runs": sum(found.get(reason, 0) for found in ours),
            "injected": sum(one.injected.get(reason, 0) for one in runs),
        }
        for reason in reasons
    ]


def line_json(line: Line, run: RunTruth | None) -> dict[str, Any]:
    """A check with links to the pages of its two numbers."""
    return {**line.as_json(), "links": _links(line.key, run)}


def _links(key: str, run: RunTruth | None) -> list[dict[str, str]]:
    sent = f"/scenarios/runs/{run.run_id}/" if run else "/scenarios/"
    kind, _, rest = key.partition(".")
    table = f"/lakehouse/gold/{rest.partition('.')[0]}/"
    found = {
        "generated": [("Scenario run" if run else "Scenarios", sent)],
        "topic": [("Scenarios", sent), ("Stream", "/stream/")],
        "bronze": [("Stream", "/stream/"), ("bronze.events", "/lakehouse/bronze/events/")],
        "silver": [
            ("bronze.events", "/lakehouse/bronze/events/"),
            ("silver.events", "/lakehouse/silver/events/"),
            ("silver.quarantine", "/lakehouse/silver/quarantine/"),
        ],
        "refined": [("Runs", "/runs/")],
        "unaccounted": [("silver.events", "/lakehouse/silver/events/")],
        "quarantine": [("silver.quarantine", "/lakehouse/silver/quarantine/"), ("Scenarios", sent)],
        "duplicates": [("silver.events", "/lakehouse/silver/events/"), ("Scenarios", sent)],
        "revenue": [(f"gold.{rest.partition('.')[0]}", table), ("silver.events", "/lakehouse/silver/events/")],
    }[kind]
    return [{"label": label, "url": url} for label, url in found]
