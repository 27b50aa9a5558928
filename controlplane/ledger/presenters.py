"""Template contexts of the ledger's page and its live updates."""

from typing import Any

from controlplane.leases import WorkState
from controlplane.ledger.selectors import latest_request, latest_statement, summary
from controlplane.ledger.waterfall import waterfall


def books_context(run_id: str) -> dict[str, Any]:
    """The latest statement, complete or for one scenario run."""
    statement = latest_statement()
    if statement is None:
        return {"statement": None, "run_id": run_id}
    document = statement.document
    runs = document.get("runs", {})
    part = runs.get(run_id) if run_id else document
    return {
        "statement": statement,
        "summary": summary(statement),
        "run_id": run_id,
        "run_name": part["name"] if run_id and part else "",
        "run_unknown": bool(run_id) and part is None,
        "steps": waterfall(part["flow"], run_id) if part else [],
        "left_out": {} if run_id or part is None else part.get("left_out", {}),
        "gold": {} if run_id or part is None else part["flow"].get("gold", {}),
        "lines": part["lines"] if part else [],
        "quarantine": part["quarantine"] if part else [],
    }


def run_choices() -> list[tuple[str, str]]:
    """The scenario runs in the latest statement, newest first, as (id, name)."""
    statement = latest_statement()
    runs = statement.document.get("runs", {}) if statement else {}
    order = statement.document.get("run_order", list(runs)) if statement else []
    return [(run_id, f"{runs[run_id]['name']} · {run_id[:8]}") for run_id in order if run_id in runs]


def count_context() -> dict[str, Any]:
    """The latest requested count; None if it succeeded, since the statement then shows its age."""
    request = latest_request()
    if request is None or request.state == WorkState.SUCCEEDED:
        return {"request": None}
    return {"request": request}
