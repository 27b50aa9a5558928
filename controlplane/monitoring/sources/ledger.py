"""The newest statement of the ledger: does it balance, by how much not, and how old is it."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from controlplane.ledger.selectors import latest
from controlplane.monitoring.sources.families import gauge, gauges, moment, one_of

VERDICTS = ("balanced", "waiting", "off", "unknown")
# The first word of a line's key (controlplane/ledger/balance.py): a bounded list, unlike currencies and reasons.
KINDS = ("generated", "topic", "bronze", "silver", "refined", "unaccounted", "quarantine", "duplicates", "revenue")
MONEY = "revenue"


def figures() -> Iterator[Metric]:
    now = latest()
    yield one_of("lakehouse_ledger_verdict", "What the newest statement says.", "verdict", VERDICTS, now.verdict)
    yield moment("lakehouse_ledger_taken_timestamp_seconds", "When the lake was counted for it.", now.at)
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
    yield gauges("lakehouse_ledger_lines", "Lines of the newest statement.", ("state",), lines)
    text = "Records by which the sides of lines that don't hold differ."
    yield gauges("lakehouse_ledger_residual_records", text, ("kind",), residual)
    text = "Money by which the sides of the revenue lines differ, whatever the currency: zero, or something is wrong."
    yield gauge("lakehouse_ledger_residual_revenue", text, money)
