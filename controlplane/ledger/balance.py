"""The ledger's arithmetic: what was sent against what arrived, line by line. No database, no clock, no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from controlplane.ledger.inputs import Books, Line, Side, compare
from controlplane.ledger.ports import LakeCounts
from controlplane.scenarios.runs.truth import RunTruth

ZERO = Decimal(0)
IN_SILVER = "Every bronze row is in silver, rejected or a duplicate"


def lines(books: Books) -> list[Line]:
    """Every line over all runs, in the order in which the data flows."""
    return [
        *_sent(books.runs, "All scenario runs"),
        _topic_line(books),
        _bronze_line(books),
        *_refined_lines(books, None),
        *_gold_lines(books),
    ]


def run_lines(books: Books, run: RunTruth) -> list[Line]:
    """The same for one scenario run, as far as it can be told apart: gold is of all runs together."""
    return [*_sent([run], run.name), _arrived_line(books, run), *_refined_lines(books, run)]


def _sent(runs: Sequence[RunTruth], whose: str) -> Iterator[Line]:
    running = [run.name for run in runs if run.in_progress]
    yield compare(
        "generated",
        "Every generated record was acknowledged or failed",
        Side("generated", sum(run.generated for run in runs)),
        Side("acknowledged + failed", sum(run.acknowledged + run.failed for run in runs)),
        waiting=_in_progress(running),
    )


def _in_progress(running: Sequence[str]) -> str:
    if not running:
        return ""
    if len(running) == 1:
        return f"Waiting: {running[0]} is still in progress."
    return f"Waiting: {len(running)} runs are in progress."


def _acknowledged(runs: Sequence[RunTruth]) -> str:
    twice = " + sent twice" if any(run.sent_twice for run in runs) else ""
    return f"acknowledged{twice}" + (" - dropped on purpose" if any(run.missing for run in runs) else "")


def _topic_line(books: Books) -> Line:
    sent = sum(run.on_topic for run in books.runs)
    records, on_the_way = books.topic_records, books.on_the_way
    waiting = _in_progress([run.name for run in books.runs if run.in_progress])
    if not waiting and records is not None and on_the_way:
        missing = records - sent - books.from_elsewhere
        if 0 < missing <= on_the_way:
            waiting = f"Waiting: who sent {missing:,} records shows when they reach bronze."
    if not waiting and records is not None:
        waiting = _held(books, sent + books.from_elsewhere - records)
    return compare(
        "topic",
        "What was acknowledged is on the topic",
        Side(_acknowledged(books.runs) + " + from elsewhere", sent + books.from_elsewhere),
        Side(_on_topics(books), records),
        waiting=waiting,
        unknown=books.topic_problem or books.lake_problem,
    )


def _bronze_line(books: Books) -> Line:
    on_the_way, records = books.on_the_way, books.topic_records
    copies = books.lake.copies.rows if books.lake else 0
    return compare(
        "bronze",
        "What is on the topic is in bronze",
        Side(_taken_in(_on_topics(books), copies), None if records is None else records + copies),
        Side("rows in bronze", books.lake.bronze.rows if books.lake else None),
        waiting=_awaited(books) if on_the_way and 0 < (books.missing or 0) <= on_the_way else "",
        unknown=books.topic_problem or books.lake_problem,
    )


def _awaited(books: Books) -> str:
    if books.estimated:
        return f"Waiting: at most {books.on_the_way:,} records are on their way to bronze (an estimate by offsets)."
    return f"Waiting: {books.on_the_way:,} records are on their way to bronze."


def _held(books: Books, missing: int) -> str:
    """Why acknowledged records may not be counted yet: nobody reads them before the transaction before them ends."""
    if 0 < missing <= books.held:
        return f"Waiting: {missing:,} acknowledged records are behind an open transaction on the topic."
    return ""


def _on_topics(books: Books) -> str:
    return "records on the topic + on earlier topics" if books.earlier_records else "records on the topic"


def _taken_in(name: str, copies: int) -> str:
    """A stream that was started without its checkpoint has taken records in again."""
    return f"{name} + taken in again" if copies else name


def _arrived_line(books: Books, run: RunTruth) -> Line:
    arrived = books.lake.bronze.by_run.get(run.run_id, 0) if books.lake else None
    copies = books.lake.copies.by_run.get(run.run_id, 0) if books.lake else 0
    waiting = _in_progress([run.name] if run.in_progress else [])
    missing = run.on_topic + copies - (arrived or 0)
    if not waiting and books.on_the_way and 0 < missing <= books.on_the_way:
        waiting = f"Waiting: {missing:,} records are on their way to bronze."
    waiting = waiting or _held(books, missing)
    return compare(
        "bronze",
        "What was acknowledged is in bronze",
        Side(_taken_in(_acknowledged([run]), copies), run.on_topic + copies),
        Side("rows in bronze", arrived),
        waiting=waiting,
        unknown=books.lake_problem,
    )


@dataclass(frozen=True)
class _Refined:
    """Bronze and where its rows went, of all runs or of one."""

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


def _refined_lines(books: Books, run: RunTruth | None) -> Iterator[Line]:
    lake = books.lake
    if lake is None:
        yield compare(
            "silver", IN_SILVER, Side("rows in bronze", None), Side("refined", None), unknown=books.lake_problem
        )
        return
    rows = _refined(lake, run)
    yield compare(
        "silver",
        IN_SILVER,
        Side("rows in bronze", rows.bronze),
        Side(
            "silver + quarantined + duplicates + not yet refined",
            rows.silver + rows.quarantined + rows.duplicates + rows.pending,
        ),
    )
    if run is None or rows.pending:
        # Nothing is wrong while rows wait for the next build, but nothing is proved about them either.
        yield compare(
            "refined",
            "Everything in bronze has been refined",
            Side("not yet refined", rows.pending),
            Side("expected", 0),
            waiting=f"Waiting: the next silver build takes {rows.pending:,} rows in." if rows.pending else "",
        )
    yield compare(
        "unaccounted", "No row is unaccounted for", Side("unaccounted", rows.unaccounted), Side("expected", 0)
    )
    runs = books.runs if run is None else [run]
    yield from _injected_lines(books, lake, runs)


def _injected_lines(books: Books, lake: LakeCounts, runs: Sequence[RunTruth]) -> Iterator[Line]:
    """What was spoiled on purpose against what was caught, of the runs whose truth is known."""
    waiting = _in_progress([run.name for run in runs if run.in_progress])
    if not waiting and any(_outstanding(books, lake, run) for run in runs):
        waiting = "Waiting: not all of it has been refined yet."
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
            f"Rejected as {reason.replace('_', ' ')}: all that was injected, no other",
            Side("quarantined", found.get(reason, 0)),
            Side("injected", injected.get(reason, 0)),
            waiting=waiting,
        )
    copies = sum(lake.copies.by_run.get(run.run_id, 0) for run in runs)
    twice = sum(run.sent_twice for run in runs)
    yield compare(
        "duplicates",
        "Duplicates: all that were injected, no other",
        Side("duplicates", sum(lake.duplicates.by_run.get(run.run_id, 0) for run in runs)),
        Side(
            _taken_in("injected + sent twice" if twice else "injected", copies),
            sum(run.duplicates for run in runs) + twice + copies,
        ),
        waiting=waiting,
    )


def _outstanding(books: Books, lake: LakeCounts, run: RunTruth) -> bool:
    """Whether records of this run have still to reach bronze or silver."""
    missing = run.on_topic + lake.copies.by_run.get(run.run_id, 0) - lake.bronze.by_run.get(run.run_id, 0)
    reachable = (books.on_the_way or 0) + books.held
    return bool(lake.pending.by_run.get(run.run_id, 0)) or 0 < missing <= reachable


def _gold_lines(books: Books) -> Iterator[Line]:
    lake = books.lake
    if lake is None:
        return
    for table in ("hourly_sales", "user_sessions"):
        gold = lake.gold.get(table)
        revenue = gold.revenue if gold else {}
        behind = ""
        if gold is None or gold.input_snapshot != lake.silver_published:
            behind = f"Waiting: gold.{table} was not built from the current silver yet."
        for currency in sorted({*lake.silver_revenue, *revenue}):
            yield compare(
                f"revenue.{table}.{currency}",
                f"Revenue in {currency}: gold.{table} as in silver",
                Side("gold", str(revenue.get(currency, ZERO))),
                Side("silver", str(lake.silver_revenue.get(currency, ZERO))),
                waiting=behind,
                unit=currency,
            )
