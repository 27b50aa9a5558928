"""Taking statements: counting, joining, keeping."""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from controlplane import wiring
from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.accounts.services import acting
from controlplane.ledger.books import Books
from controlplane.ledger.document import build
from controlplane.ledger.models import Restore, Statement
from controlplane.ledger.ports import LakeCountError
from controlplane.ledger.selectors import latest_statement
from controlplane.ledger.sources import earlier_records, runs_cut_off, topic_records
from controlplane.ledger.triggers import fingerprint
from controlplane.locks import exclusively
from controlplane.scenarios.selectors import run_truths

log = logging.getLogger(__name__)

KEPT = 200
UNFINISHED = (Statement.State.WAITING, Statement.State.RUNNING)


def ledger_take(*, actor: User | None, request_id: UUID | None = None) -> Statement:
    """Count everything now and keep the statement; gives it back, counted or failed.

    Args:
        actor: who wants it; None when the system does so by itself. A person needs the role operator.

    Raises:
        PermissionDenied: the actor may not.
    """
    if actor is None:
        return statement_make(Statement.objects.create(pk=request_id or uuid4()))
    with acting(actor=actor, action="ledger.count", target="ledger") as act:
        row, made = Statement.objects.get_or_create(pk=request_id or uuid4(), defaults={"asked_by": actor})
        if made:
            act.changed(None, {"statement": row.pk, "state": str(row.state)})
    return statement_make(row)


def recount_ask(*, actor: User, request_id: UUID) -> Statement:
    """Ask for a count in the background. Asked twice, or while one is under way, it gives the one that there is."""
    from controlplane.ledger.tasks import count

    with acting(actor=actor, action="ledger.count", target="ledger", role=Role.OPERATOR) as act, transaction.atomic():
        row = Statement.objects.filter(pk=request_id).first() or under_way()
        act.detail["statement"] = str(row.pk if row else request_id)
        if row is None:
            row = Statement.objects.create(pk=request_id, asked_by=actor)
            act.changed(None, {"statement": row.pk, "state": str(row.state)})
            # Lost with the broker, it is picked up by the task that looks for waiting rows.
            transaction.on_commit(lambda: count.delay(str(request_id)), robust=True)
    return row


def under_way() -> Statement | None:
    """A statement that was asked for and is not done; the oldest."""
    return Statement.objects.filter(state__in=UNFINISHED).order_by("asked_at").first()


def statement_make(row: Statement) -> Statement:
    """Fill a statement that was asked for. One that is done, or is being made elsewhere, stays as it is.

    The lock tells one that is being made from one whose process has died: that one is begun again.
    """
    with exclusively(f"ledger statement {row.pk}") as mine:
        row.refresh_from_db()
        if not mine or row.state not in UNFINISHED:
            return row
        row.state, row.started_at = Statement.State.RUNNING, timezone.now()
        row.save(update_fields=["state", "started_at"])
        try:
            fields = _fields()
        except LakeCountError as error:
            fields = {"state": Statement.State.FAILED, "error": str(error)}
        except Exception as error:
            log.exception("the ledger could not be taken")
            fields = {"state": Statement.State.FAILED, "error": f"{type(error).__name__}: {error}"}
        Statement.objects.filter(pk=row.pk).update(**fields, ended_at=timezone.now())
    row.refresh_from_db()
    return row


def _fields() -> dict[str, Any]:
    # What flows on while this counts must show as "on its way", not as missing: so the end of the flow is read first.
    # A run that was not over before the count began counts as still in progress, even if it is over by now; and what
    # the system looked like is noted before it all, so that a change in between leads to another count.
    seen = fingerprint()
    over = {run.run_id for run in run_truths() if not run.in_progress}
    lake = wiring.lake_counter().count()
    records, problem = topic_records()
    cut_off, earlier = runs_cut_off(), earlier_records()
    runs = [replace(run, in_progress=run.run_id not in over) for run in run_truths() if run.run_id not in cut_off]
    books = Books(
        runs=runs,
        topic_records=None if records is None else records + earlier,
        earlier_records=earlier,
        lake=lake,
        topic_problem=problem,
    )
    document = build(books)
    return {
        "state": Statement.State.SUCCEEDED,
        "taken_at": lake.counted_at,
        "document": document,
        "balanced": document["balanced"],
        "fingerprint": seen,
        "error": "",
    }


def restore_record(*, made_at: datetime, runs: Collection[str], bronze_rows: int | None, new_topic: bool) -> Restore:
    """Note that the installation was restored, and what the ledger can't count any more.

    Args:
        made_at: when the backup was made.
        runs: ids of the scenario runs that the restore has ended.
        bronze_rows: rows of bronze in the backup's catalogue; None where they are not known.
        new_topic: Kafka's topic is empty, so what bronze holds is on no topic any more.
    """
    earlier = earlier_records()
    if new_topic:
        flow, lines = _counted_last()
        topic, bronze = flow.get("topic") or 0, lines.get("bronze")
        # Rows that were taken in twice are one record each.
        copies = bronze["left"]["value"] - topic if bronze and bronze["left"]["value"] is not None else 0
        earlier = topic if bronze_rows is None else bronze_rows - copies
    return Restore.objects.create(made_at=made_at, runs=sorted(runs), earlier_records=earlier)


def _counted_last() -> tuple[dict[str, Any], dict[str, Any]]:
    """The flow and the lines, by key, of the newest statement."""
    statement = latest_statement()
    if statement is None:
        return {}, {}
    return statement.document.get("flow", {}), {line["key"]: line for line in statement.lines}


def statements_forget() -> int:
    """Drop all but the newest `KEPT` statements; gives how many went."""
    kept = Statement.objects.order_by("-asked_at").values_list("pk", flat=True)[:KEPT]
    gone, _ = Statement.objects.exclude(pk__in=list(kept)).delete()
    return gone
