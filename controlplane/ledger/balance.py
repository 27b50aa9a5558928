"""The ledger's checks: what was sent against what arrived. Pure functions: no database, no clock, no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from controlplane.ledger.inputs import LedgerInputs, Line, Side, compare
from controlplane.ledger.ports import LakeCounts
from controlplane.scenarios.runs.truth import RunTruth

ZERO = Decimal(0)
IN_SILVER = "Bronze = silver + quarantined + duplicates + pending"


def lines(books: LedgerInputs) -> list[Line]:
    """Every check over all runs, in pipeline order."""
    return [
        *_sent(books.runs, "All scenario runs"),
        _topic_line(books),
        _bronze_line(books),
        *_refined_lines(books, None),
        *_gold_lines(books),
    ]


def run_lines(books: LedgerInputs, run: RunTruth) -> list[Line]:
    """The checks of one scenario run. Gold has none: its rows can't be attributed to a run."""
    return [*_sent([run], run.name), _arrived_line(books, run), *_refined_lines(books, run)]


def _sent(runs: Sequence[RunTruth], whose: str) -> Iterator[Line]:
    running = [run.name for run in runs if run.in_progress]
    yield compare(
        "generated",
        "Generated = acknowledged + failed",
        Side("generated", sum(run.generated for run in runs)),
        Side("acknowledged + failed", sum(run.acknowledged + run.failed for run in runs)),
        waiting=_in_progress(running),
    )


def _in_progress(running: Sequence[str]) -> str:
    if not running:
        return ""
    if len(running) == 1:
        return f"Waiting: {running[0]} is in progress."
    return f"Waiting: {len(running)} runs are in progress."


def _acknowledged(runs: Sequence[RunTruth]) -> str:
    twice = " + re-sent" if any(run.sent_twice for run in runs) else ""
    return f"acknowledged{twice}" + (" - injected drops" if any(run.missing for run in runs) else "")


def _topic_line(books: LedgerInputs) -> Line:
    sent = sum(run.on_topic for run in books.runs)
    records, on_the_way = books.topic_records, books.on_the_way
    waiting = _in_progress([run.name for run in books.runs if run.in_progress])
    if not waiting and records is not None and on_the_way:
        missing = records - sent - books.from_elsewhere
        if 0 < missing <= on_the_way:
            waiting = f"Waiting: the source of {missing:,} records is known when they reach bronze."
    if not waiting and records is not None:
        waiting = _held(books, sent + books.from_elsewhere - records)
    return compare(
        "topic",
        "Acknowledged records are on the topic",
        Side(_acknowledged(books.runs) + " + external", sent + books.from_elsewhere),
        Side(_on_topics(books), records),
        waiting=waiting,
        unknown=books.topic_problem or books.lake_problem,
    )


def _bronze_line(books: LedgerInputs) -> Line:
    on_the_way, records = books.on_the_way, books.topic_records
    copies = books.lake.copies.rows if books.lake else 0
    return compare(
        "bronze",
        "Records on the topic are in bronze",
        Side(_taken_in(_on_topics(books), copies), None if records is None else records + copies),
        Side("rows in bronze", books.lake.bronze.rows if books.lake else None),
        waiting=_awaited(books) if on_the_way and 0 < (books.missing or 0) <= on_the_way else "",
        unknown=books.topic_problem or books.lake_problem,
    )


def _awaited(books: LedgerInputs) -> str:
    if books.estimated:
        return f"Waiting: at most {books.on_the_way:,} records are not in bronze yet (estimated from offsets)."
    return f"Waiting: {books.on_the_way:,} records are not in bronze yet."


def _held(books: LedgerInputs, missing: int) -> str:
    """Why acknowledged records may not be counted yet: consumers read them when the preceding transaction ends."""
    if 0 < missing <= books.held:
        return f"Waiting: {missing:,} acknowledged records are behind an open transaction on the topic."
    return ""


def _on_topics(books: LedgerInputs) -> str:
    return "records on the topic + earlier topics" if books.earlier_records else "records on the topic"


def _taken_in(name: str, copies: int) -> str:
    return f"{name} + reprocessed" if copies else name


def _arrived_line(books: LedgerInputs, run: RunTruth) -> Line:
    arrived = books.lake.bronze.by_run.get(run.run_id, 0) if books.lake else None
    copies = books.lake.copies.by_run.get(run.run_id, 0) if books.lake else 0
    waiting = _in_progress([run.name] if run.in_progress else [])
    missing = run.on_topic + copies - (arrived or 0)
    if not waiting and books.on_the_way and 0 < missing <= books.on_the_way:
        waiting = f"Waiting: {missing:,} records are not in bronze yet."
    waiting = waiting or _held(books, missing)
    return compare(
        "bronze",
        "Acknowledged records are in bronze",
        Side(_taken_in(_acknowledged([run]), copies), run.on_topic + copies),
        Side("rows in bronze", arrived),
        waiting=waiting,
        unknown=books.lake_problem,
    )


@dataclass(frozen=True)
class _Refined:
    """Bronze rows and where they went, for all runs or for one."""

    bronze: int
    silver: int
    quarantined: int
    duplicates: int
    pending: int
    unaccounted: int


def _refined(lake: LakeCounts, run: RunTruth | None) -> _Refined:
    if run is None:
        return _Refined(
            lake.bronze.rows,
            lake.silver.rows,
            lake.quarantine.rows,
            lake.duplicates.rows,
            lake.pending.rows,
            lake.unaccounted.rows,
        )
    key = run.run_id
    return _Refined(
        lake.bronze.by_run.get(key, 0),
        lake.silver.by_run.get(key, 0),
        sum(lake.quarantine.by_run.get(key, {}).values()),
        lake.duplicates.by_run.get(key, 0),
        lake.pending.by_run.get(key, 0),
        lake.unaccounted.by_run.get(key, 0),
    )


def _refined_lines(books: LedgerInputs, run: RunTruth | None) -> Iterator[Line]:
    lake = books.lake
    if lake is None:
        yield compare(
            "silver", IN_SILVER, Side("rows in bronze", None), Side("processed", None), unknown=books.lake_problem
        )
        return
    rows = _refined(lake, run)
    yield compare(
        "silver",
        IN_SILVER,
        Side("rows in bronze", rows.bronze),
        Side(
            "silver + quarantined + duplicates + pending",
            rows.silver + rows.quarantined + rows.duplicates + rows.pending,
        ),
    )
    if run is None or rows.pending:
        # Rows that wait for the next build are no mismatch, but nothing is proved about them either.
        yield compare(
            "refined",
            "No rows pending for silver",
            Side("pending", rows.pending),
            Side("expected", 0),
            waiting=f"Waiting: {rows.pending:,} rows are processed by the next silver build." if rows.pending else "",
        )
    yield compare("unaccounted", "No unaccounted rows", Side("unaccounted", rows.unaccounted), Side("expected", 0))
    runs = books.runs if run is None else [run]
    yield from _injected_lines(books, lake, runs)


def _injected_lines(books: LedgerInputs, lake: LakeCounts, runs: Sequence[RunTruth]) -> Iterator[Line]:
    """Injected faults against caught ones, for the runs whose ground truth is known."""
    waiting = _in_progress([run.name for run in runs if run.in_progress])
    if not waiting and any(_outstanding(books, lake, run) for run in runs):
        waiting = "Waiting: some rows are not processed yet."
    injected: dict[str, int] = {}
    found: dict[str, int] = {}
    for run in runs:
        for reason, count in run.injected.items():
            injected[reason] = injected.get(reason, 0) + count
        for reason, count in lake.quarantine.by_run.get(run.run_id, {}).items():
            found[reason] = found.get(reason, 0) + count
    for reason in sorted({*injected, *found}):
        yield compare(
            f"quarantine.{reason}",
            f"{reason.replace('_', ' ').capitalize()} quarantined = injected",
            Side("quarantined", found.get(reason, 0)),
            Side("injected", injected.get(reason, 0)),
            waiting=waiting,
        )
    copies = sum(lake.copies.by_run.get(run.run_id, 0) for run in runs)
    twice = sum(run.sent_twice for run in runs)
    yield compare(
        "duplicates",
        "Duplicates found = injected",
        Side("duplicates", sum(lake.duplicates.by_run.get(run.run_id, 0) for run in runs)),
        Side(
            _taken_in("injected + re-sent" if twice else "injected", copies),
            sum(run.duplicates for run in runs) + twice + copies,
        ),
        waiting=waiting,
    )


def _outstanding(books: LedgerInputs, lake: LakeCounts, run: RunTruth) -> bool:
    """Whether records of this run have not reached bronze or silver yet."""
    missing = run.on_topic + lake.copies.by_run.get(run.run_id, 0) - lake.bronze.by_run.get(run.run_id, 0)
    reachable = (books.on_the_way or 0) + books.held
    return bool(lake.pending.by_run.get(run.run_id, 0)) or 0 < missing <= reachable


def _gold_lines(books: LedgerInputs) -> Iterator[Line]:
    lake = books.lake
    if lake is None:
        return
    for table in ("hourly_sales", "user_sessions"):
        gold = lake.gold.get(table)
        revenue = gold.revenue if gold else {}
        behind = ""
        if gold is None or gold.input_snapshot != lake.silver_published:
            behind = f"Waiting: gold.{table} is not built from the current silver snapshot yet."
        for currency in sorted({*lake.silver_revenue, *revenue}):
            yield compare(
                f"revenue.{table}.{currency}",
                f"Revenue in {currency}: gold.{table} = silver",
                Side("gold", str(revenue.get(currency, ZERO))),
                Side("silver", str(lake.silver_revenue.get(currency, ZERO))),
                waiting=behind,
                unit=currency,
            )
