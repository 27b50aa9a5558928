"""Reads of the ledger for pages and other rooms."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.leases import WorkState
from controlplane.ledger.models import Statement
from controlplane.web.numbers import grouped, money


@dataclass(frozen=True)
class LedgerNow:
    """Summary of the latest statement. `verdict` is balanced, waiting, off or unknown; `at` is None if unknown."""

    verdict: str
    summary: str
    at: datetime | None
    statement: Statement | None


def latest_statement() -> Statement | None:
    """The latest computed statement."""
    return Statement.objects.filter(state=WorkState.SUCCEEDED).order_by("-taken_at").first()


def latest_request() -> Statement | None:
    """The latest requested statement, computed or not."""
    return Statement.objects.order_by("-requested_at").first()


def topic_checked(topic_id: str) -> dict[str, int]:
    """What the latest count has read on this topic (see `TopicCount.checked`)."""
    known = _topic(topic_id)
    return dict(known.get("checked", {}))


def gaps_known(topic_id: str) -> int:
    """Retained offsets of this topic without a record, as far as the latest count has read them."""
    return int(_topic(topic_id).get("gaps", 0))


def _topic(topic_id: str) -> dict[str, Any]:
    statement = latest_statement()
    known: dict[str, Any] = statement.document.get("topic", {}) if statement else {}
    return known if known.get("topic_id") == topic_id else {}


def latest() -> LedgerNow:
    """The current ledger."""
    statement = latest_statement()
    if statement is None:
        return LedgerNow("unknown", "Not computed yet.", None, None)
    return LedgerNow(statement.verdict, summary(statement), statement.taken_at, statement)


def summary(statement: Statement) -> str:
    """The result of the statement in one sentence."""
    lines = statement.lines
    if statement.balanced:
        return f"{len(lines)} of {len(lines)} checks balanced."
    off = [line for line in lines if line["holds"] is False]
    if not off:
        waiting = [line for line in lines if line["holds"] is None]
        return str(waiting[0]["note"]) if waiting else "No checks."
    first = off[0]
    more = f"; {len(off) - 1} more mismatch{'' if len(off) == 2 else 'es'}" if len(off) > 1 else ""
    return f"{first['title']}: off by {_off_by(first)}{more}."


def _off_by(line: dict[str, Any]) -> str:
    difference, unit = line["difference"], str(line.get("unit") or "")
    size = difference.removeprefix("-") if isinstance(difference, str) else abs(difference)
    return money(size, unit) if unit else grouped(size)


def run_lines(run_id: UUID | str) -> list[dict[str, Any]] | None:
    """The latest statement's checks for one scenario run; None if it does not contain the run."""
    statement = latest_statement()
    found = statement.document.get("runs", {}).get(str(run_id)) if statement else None
    return None if found is None else found["lines"]
