"""The only writer of audit rows.

A row is appended in a transaction of its own, after the action's. An action that is rolled back therefore leaves its
row. Appends are serialised by the lock of the chain's head. That lock is the last one of its transaction: where an
action runs within a larger transaction, that transaction takes no lock after it that somebody else could hold while
they append.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from controlplane.accounts.auditing.canonical import ZERO, digest_of
from controlplane.accounts.auditing.content import kept, kept_text
from controlplane.accounts.auditing.origin import origin_of
from controlplane.accounts.models import AuditChain, AuditEntry, User
from controlplane.accounts.text import shortened

# The actor name of rows that no user caused.
SYSTEM = "system"
HEAD = 1
# A process that hangs while it holds the head would hold up every other writer: PostgreSQL ends its transaction.
_BOUNDED = (
    "SELECT set_config('lock_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '10s', true)"
)

log = logging.getLogger(__name__)


def audit_append(
    *,
    actor: User | None,
    action: str,
    target: str,
    outcome: AuditEntry.Outcome,
    actor_name: str = "",
    detail: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> AuditEntry:
    """Append a row to the chain.

    Args:
        actor: who did it; None for nobody known and for the system itself.
        actor_name: by default the actor's, or `system`.
        detail: what else belongs to it. Neither this nor `before` and `after` may hold a secret (see content.py).
        before: the changed fields before the action; None where there was nothing.
        after: the same fields after it; None where nothing is left.
    """
    origin = origin_of(actor)
    entry = AuditEntry(
        actor_id=actor.pk if actor is not None else None,
        actor_name=shortened(actor_name or (actor.get_username() if actor is not None else SYSTEM), 150),
        action=action,
        target=shortened(kept_text(target), 255),
        outcome=outcome,
        detail=kept(detail or {}),
        before=None if before is None else kept(before),
        after=None if after is None else kept(after),
        address=origin.address,
        request_id=origin.request_id,
        via=origin.via,
        credential=shortened(kept_text(origin.credential), 120),
    )
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute(_BOUNDED)
        head = head_locked()
        entry.sequence, entry.previous_hash = head.sequence + 1, head.hash
        entry.at = now or timezone.now()
        entry.hash = digest_of(entry)
        entry.save(force_insert=True)
        AuditChain.objects.filter(pk=HEAD).update(sequence=entry.sequence, hash=entry.hash)
    # Within a larger transaction the row may still be rolled back: its hash is no anchor.
    anchor = {"audit_sequence": entry.sequence, "audit_hash": entry.hash} if alone else {}
    named = {"actor": entry.actor_name, **anchor, **_named(entry.detail)}
    log.info("%s %s: %s", action, entry.target, outcome, extra=named)
    return entry


def head_locked() -> AuditChain:
    """The head of the chain, locked until the transaction ends."""
    head = AuditChain.objects.select_for_update().filter(pk=HEAD).first()
    if head is not None:
        return head
    # A restored or emptied database: it goes on after the rows that are there.
    last = AuditEntry.objects.order_by("-sequence").values_list("sequence", "hash").first()
    sequence, digest = last or (0, ZERO)
    AuditChain.objects.bulk_create([AuditChain(pk=HEAD, sequence=sequence, hash=digest)], ignore_conflicts=True)
    return AuditChain.objects.select_for_update().get(pk=HEAD)


def _named(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The id of the object that an action created, for the log line: it leads from a request to its run."""
    named = next((str(detail[name]) for name in ("run", "run_id", "id") if name in detail), "")
    return {"run_id": named} if named else {}
