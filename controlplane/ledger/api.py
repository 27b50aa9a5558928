"""The ledger in the REST API."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from django.http import HttpRequest
from ninja import Header, Router, Schema, Status
from pydantic import Field

from controlplane.accounts.requests import current_user
from controlplane.errors import NotFoundError
from controlplane.ledger.models import Statement
from controlplane.ledger.selectors import latest, latest_request
from controlplane.ledger.services import recount_ask

router = Router()


class SideOut(Schema):
    """One side of a check. Money is a decimal as text."""

    name: str
    value: int | str | None


class LinkOut(Schema):
    label: str
    url: str


class LineOut(Schema):
    """A check: two numbers that must be equal. `holds` is null while the result is unknown; `note` says why.

    `unit` is the currency of money, empty for a count of records.
    """

    key: str
    title: str
    left: SideOut
    right: SideOut
    difference: int | str | None
    holds: bool | None
    note: str
    unit: str
    links: list[LinkOut]


class CountOut(Schema):
    """A requested computation of the ledger, and its state."""

    id: UUID
    state: str
    requested_at: datetime
    started_at: datetime | None
    taken_at: datetime | None
    balanced: bool
    error: str


class LedgerOut(Schema):
    """The latest statement. `verdict` is balanced, waiting, off or unknown; `count` is the latest requested count."""

    verdict: str
    summary: str
    balanced: bool
    taken_at: datetime | None
    lines: list[LineOut]
    flow: dict[str, Any]
    left_out: dict[str, Any] = Field(
        description="Runs that lost records with a topic (`runs`) and the number of lost records (`lost_records`). "
        "These runs are excluded from the checks."
    )
    quarantine: list[dict[str, Any]]
    snapshots: dict[str, str | None]
    runs: dict[str, Any]
    count: CountOut | None


@router.get("/ledger", response=LedgerOut, summary="Get the ledger: every event from generator to gold, check by check")
def read_ledger(request: HttpRequest, run: UUID | None = None) -> dict[str, Any]:
    now = latest()
    document = now.statement.document if now.statement else {}
    part = document
    if run is not None:
        part = document.get("runs", {}).get(str(run))
        if part is None:
            raise NotFoundError(f"The latest ledger does not contain scenario run {run}.", "Recompute the ledger.")
    return {
        "verdict": now.verdict,
        "summary": now.summary,
        "balanced": bool(now.statement and now.statement.balanced),
        "taken_at": now.at,
        "lines": part.get("lines", []),
        "flow": part.get("flow", {}),
        "left_out": document.get("left_out", {}),
        "quarantine": part.get("quarantine", []),
        "snapshots": document.get("snapshots", {}),
        "runs": document.get("runs", {}) if run is None else {str(run): part},
        "count": latest_request(),
    }


@router.post("/ledger/recount", response={202: CountOut}, summary="Recompute the ledger")
def recount(
    request: HttpRequest, key: Annotated[UUID | None, Header(alias="Idempotency-Key")] = None
) -> Status[Statement]:
    return Status(202, recount_ask(actor=current_user(request), request_id=key or uuid4()))


@router.get("/ledger/counts/{uuid:count_id}", response=CountOut, summary="Get the state of a ledger computation")
def read_count(request: HttpRequest, count_id: UUID) -> Statement:
    row = Statement.objects.filter(pk=count_id).first()
    if row is None:
        raise NotFoundError(f"Ledger computation {count_id} does not exist.", "Old ones are deleted; see GET /ledger.")
    return row
