"""What other rooms and the pages read of the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.ledger.models import Statement


@dataclass(frozen=True)
class LedgerNow:
    """The newest statement in brief. `verdict` is balanced, waiting, off or unknown; `at` is None with unknown."""

    verdict: str
    summary: str
    at: datetime | None
    statement: Statement | None


def latest_statement() -> Statement | None:
    """The newest statement that was taken."""
    return Statement.objects.filter(state=Statement.State.SUCCEEDED).order_by("-taken_at").first()


def latest_request() -> Statement | None:
    """The newest statement that was asked for, taken or not."""
    return Statement.objects.order_by("-asked_at").first()


def topic_checked(topic_id: str) -> dict[str, int]:
    """What the newest count has looked up on this topic (see `TopicCount.checked`)."""
    known = _topic(topic_id)
    return dict(known.get("checked", {}))


def gaps_known(topic_id: str) -> int:
    """Offsets that this topic keeps and that hold no record, as far as the newest count has looked them up."""
    return int(_topic(topic_id).get("gaps", 0))


def _topic(topic_id: str) -> dict[str, Any]:
    statement = latest_statement()
    known: dict[str, Any] = statement.document.get("topic", {}) if statement else {}
    return known if known.get("topic_id") == topic_id else {}


def latest() -> LedgerNow:
    """What the ledger says now."""
    statement = latest_statement()
    if statement is None:
        return LedgerNow("unknown", "Nothing has been counted yet.", None, None)
    return LedgerNow(statement.verdict, summary(statement), statement.taken_at, statement)


def summary(statement: Statement) -> str:
    """The statement's verdict as one sentence."""
    lines = statement.lines
    if statement.balanced:
        return f"All {len(lines)} lines balance."
    off = [line for line in lines if line["holds"] is False]
    if not off:
        waiting = [line for line in lines if line["holds"] is None]
        return str(waiting[0]["note"]) if waiting else "Nothing to balance."
    first = off[0]
    more = f" {len(off) - 1} more don't balance." if len(off) > 1 else ""
    return f"{first['title']}: {first['difference']} off.{more}"


def run_lines(run_id: UUID | str) -> list[dict[str, Any]] | None:
    """The newest statement's lines for one scenario run; None where it doesn't know the run."""
    statement = latest_statement()
    found = statement.document.get("runs", {}).get(str(run_id)) if statement else None
    return None if found is None else found["lines"]
