"""Deleting what has expired, verifying the audit, and mailing reset links."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from controlplane.accounts.auditing.chain import verify_and_note
from controlplane.accounts.auditing.retention import audit_purge
from controlplane.accounts.invitations import reset_link_send
from controlplane.accounts.models import AuditVerification
from controlplane.accounts.services import purge_expired as purge
from controlplane.locks import exclusively

COMPLETE_EVERY = timedelta(days=1)

log = logging.getLogger(__name__)


@shared_task
def purge_expired() -> None:
    """Delete sessions that have ended, counters whose window is over, and links that ended long ago."""
    purge()


@shared_task
def verify_audit() -> None:
    """Verify the rows since the last verification, and all of them once a day; write the head into the log.

    Where the log is collected elsewhere, the head there is what `manage.py verify_audit --anchor` holds the chain to.
    """
    with exclusively("audit verification") as mine:
        if not mine:
            return
        noted = AuditVerification.objects.filter(pk=1).first()
        complete_at = noted.complete_at if noted is not None else None
        found = verify_and_note(complete=complete_at is None or timezone.now() - complete_at >= COMPLETE_EVERY)
    if found.problem is not None:
        named = {"audit_sequence": found.problem.sequence, "audit_problem": found.problem.kind.value}
        log.error("the audit chain is broken: %s", found.problem.message, extra=named)
        return
    log.info("audit chain head", extra={"audit_sequence": found.head.sequence, "audit_hash": found.head.hash})


@shared_task
def purge_audit() -> None:
    """Delete audit rows older than AUDIT_RETENTION_DAYS; by default none are."""
    audit_purge(days=settings.AUDIT_RETENTION_DAYS, now=timezone.now())


@shared_task
def send_reset_link(person_id: int) -> None:
    """Mail a reset link to a person who has asked for one; `person_id` is 0 for a name that nobody has."""
    reset_link_send(person_id)
