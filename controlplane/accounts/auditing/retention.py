"""Deletion of old audit rows: whole prefixes of the chain, and a row that stores its new beginning."""

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction

from controlplane.accounts.auditing.chain import PURGE, Link, chain_start, chain_verify
from controlplane.accounts.auditing.writing import audit_append, head_locked
from controlplane.accounts.models import AuditEntry
from controlplane.locks import exclusively

BATCH = 5000

log = logging.getLogger(__name__)


def audit_purge(*, days: int, now: datetime, batch: int = BATCH) -> int:
    """Delete the rows older than `days`, the oldest first, up to the first one that is not; gives how many.

    A broken chain is left as it is: it is evidence. Each batch is one transaction with its own audit row.

    Args:
        days: 0 keeps everything.
    """
    if days == 0:
        return 0
    deleted = 0
    with exclusively("audit purge") as mine:
        if not mine:
            return 0
        oldest = AuditEntry.objects.order_by("sequence").values_list("at", flat=True).first()
        cutoff = now - timedelta(days=days)
        if oldest is None or oldest >= cutoff:
            return 0
        found = chain_verify()
        if found.problem is not None:
            log.error("no audit rows are deleted, because the chain is broken: %s", found.problem.message)
            return 0
        while True:
            rows = _purge_batch(cutoff, days, batch)
            deleted += rows
            if rows < batch:
                return deleted


@transaction.atomic
def _purge_batch(cutoff: datetime, days: int, batch: int) -> int:
    head = head_locked()
    start = chain_start()
    kept = AuditEntry.objects.filter(at__gte=cutoff).order_by("sequence").values_list("sequence", flat=True).first()
    up_to = min((kept or head.sequence + 1) - 1, start.sequence + batch)
    last = AuditEntry.objects.filter(sequence__lte=up_to).order_by("-sequence").first()
    if last is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lakehouse.audit_retention', 'on', true)")
        cursor.execute("DELETE FROM accounts_auditentry WHERE sequence <= %s", [last.sequence])
        rows = int(cursor.rowcount)
        cursor.execute("SELECT set_config('lakehouse.audit_retention', 'off', true)")
    ends = Link(last.sequence, last.hash)
    audit_append(
        actor=None,
        action=PURGE,
        target=f"rows {start.sequence + 1} to {ends.sequence}",
        outcome=AuditEntry.Outcome.SUCCEEDED,
        detail={"rows": rows, "older_than": cutoff, "retention_days": days},
        before={"last_sequence": start.sequence, "last_hash": start.hash},
        after={"last_sequence": ends.sequence, "last_hash": ends.hash},
    )
    return rows
