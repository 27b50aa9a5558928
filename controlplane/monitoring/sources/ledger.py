"""The latest ledger statement: its verdict, mismatches and age."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.ledger.selectors import latest
from controlplane.monitoring.sources.families import gauge, gauges, moment, one_of

VERDICTS = ("balanced", "waiting", "off", "unknown")
# The first word of a check's key (controlplane/ledger/balance.py): a bounded list, unlike currencies and reasons.
KINDS = ("generated", "topic", "bronze", "silver", "refined", "unaccounted", "quarantine", "duplicates", "revenue")
MONEY = "revenue"


def figures() -> Iterator[Metric]:
    """Verdict, time, checks and differences of the latest ledger."""
    now = latest()
    yield one_of("lakehouse_ledger_verdict", "Verdict of the latest ledger.", "verdict", VERDICTS, now.verdict)
    yield moment("lakehouse_ledger_taken_timestamp_seconds", "When the latest ledger was computed.", now.at)
    if now.statement is None:
        return
    lines: dict[tuple[str, ...], float | None] = {("holds",): 0.0, ("off",): 0.0, ("waiting",): 0.0}
    residual: dict[tuple[str, ...], float | None] = {(kind,): 0.0 for kind in KINDS if kind != MONEY}
    money = 0.0
    for line in now.statement.lines:
        state = {True: "holds", False: "off", None: "waiting"}[line["holds"]]
        lines[(state,)] = (lines[(state,)] or 0.0) + 1
        kind = (line["key"].partition(".")[0],)
        off = abs(float(line["difference"] or 0)) if line["holds"] is False else 0.0
        if kind == (MONEY,):
            money += off
        elif kind in residual:
            residual[kind] = (residual[kind] or 0.0) + off
    yield gauges("lakehouse_ledger_lines", "Checks of the latest ledger by state.", ("state",), lines)
    text = "Difference in records over all mismatched checks."
    yield gauges("lakehouse_ledger_residual_records", text, ("kind",), residual)
    text = "Difference in money over all mismatched revenue checks, regardless of currency. Must be zero."
    yield gauge("lakehouse_ledger_residual_revenue", text, money)
