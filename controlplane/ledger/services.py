"""Computing and storing statements."""

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import audited
from controlplane.leases import UNFINISHED, LeaseLostError, WorkState, claim, finish, kept
from controlplane.ledger.document import build
from controlplane.ledger.inputs import LedgerInputs
from controlplane.ledger.models import Statement
from controlplane.ledger.ports import LakeCountError
from controlplane.ledger.providers import lake_counter
from controlplane.ledger.sources import earlier_records, lost_with_a_topic, runs_cut_off, topic_records
from controlplane.ledger.triggers import fingerprint
from controlplane.scenarios.selectors import run_truths, runs_started
from controlplane.streaming.selectors import stream_get

log = logging.getLogger(__name__)

KEPT = 200
HEARTBEAT_SECONDS = 3.0


def ledger_take(*, actor: User | None, request_id: UUID | None = None) -> Statement:
    """Compute and store a statement now, and return it, succeeded or failed.

    Args:
        actor: the requester, who needs the role operator; None for the system.

    Raises:
        PermissionDenied: the actor is not an operator.
    """
    if actor is None:
        return statement_make(Statement.objects.create(pk=request_id or uuid4()))
    with audited(actor=actor, action="ledger.count", target="ledger") as act:
        row, made = Statement.objects.get_or_create(pk=request_id or uuid4(), defaults={"requested_by": actor})
        if made:
            act.changed(None, {"statement": row.pk, "state": str(row.state)})
    return statement_make(row)


def recount_ask(*, actor: User, request_id: UUID) -> Statement:
    """Request a computation in the background. A repeated or concurrent request returns the existing statement."""
    from controlplane.ledger.tasks import count

    with audited(actor=actor, action="ledger.count", target="ledger", role=Role.OPERATOR) as act, transaction.atomic():
        row = Statement.objects.filter(pk=request_id).first() or under_way()
        act.detail["statement"] = str(row.pk if row else request_id)
        if row is None:
            row = Statement.objects.create(pk=request_id, requested_by=actor)
            act.changed(None, {"statement": row.pk, "state": str(row.state)})
            # If the broker loses the task, `keep_current` picks up the waiting row.
            transaction.on_commit(lambda: count.delay(str(request_id)), robust=True)
    return row


def under_way() -> Statement | None:
    """The oldest unfinished statement."""
    return Statement.objects.filter(state__in=UNFINISHED).order_by("requested_at").first()


def statement_make(row: Statement) -> Statement:
    """Compute a requested statement. A finished one, or one that is being computed elsewhere, is left unchanged."""
    work = claim(Statement.objects.all(), row.pk, started_at=timezone.now())
    if work is not None:
        with suppress(LeaseLostError):
            _compute(work)
    row.refresh_from_db()
    return row


def _compute(work: Statement) -> None:
    try:
        with kept(work, every_seconds=HEARTBEAT_SECONDS):
            fields = _fields()
    except LakeCountError as error:
        finish(work, WorkState.FAILED, error=str(error))
    except Exception as error:
        log.exception("the ledger could not be computed")
        finish(work, WorkState.FAILED, error=f"{type(error).__name__}: {error}")
    else:
        finish(work, WorkState.SUCCEEDED, **fields)


def _fields() -> dict[str, Any]:
    # Records that move during the count must show as pending, not as missing: so the end of the flow is read first.
    # A run that had not ended before the count counts as in progress, even if it has ended by now. The fingerprint is
    # taken before everything else, so that a change in between leads to another count.
    seen = fingerprint()
    over = {run.run_id for run in run_truths() if not run.in_progress}
    lake = lake_counter().count(stream_get().topic_since)
    counted, problem = topic_records(lake)
    cut_off, earlier = runs_cut_off(), earlier_records(lake)
    runs = [replace(run, in_progress=run.run_id not in over) for run in run_truths() if run.run_id not in cut_off]
    lost = lost_with_a_topic(runs, runs_started(), lake)
    books = LedgerInputs(
        runs=[run for run in runs if run not in lost.runs],
        topic_records=None if counted is None else counted.records + earlier,
        earlier_records=earlier,
        lake=lake,
        topic_problem=problem,
        ahead=counted.ahead if counted else None,
        held=counted.held if counted else 0,
        estimated=counted.estimated if counted else 0,
        left_out=lost.runs,
        lost_records=lost.records,
    )
    document = build(books)
    if counted is not None:
        document["topic"] = {
            "topic_id": counted.topic_id, "gaps": counted.gaps, "checked": dict(counted.checked),
        }  # fmt: skip
    return {
        "taken_at": lake.counted_at,
        "document": document,
        "balanced": document["balanced"],
        "fingerprint": seen,
        "error": "",
    }


def statements_purge_expired() -> int:
    """Delete all but the newest `KEPT` statements and return the number of deleted ones."""
    kept = Statement.objects.order_by("-requested_at").values_list("pk", flat=True)[:KEPT]
    gone, _ = Statement.objects.exclude(pk__in=list(kept)).delete()
    return gone
