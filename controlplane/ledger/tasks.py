"""Background computation of the ledger."""

from celery import shared_task
from django.utils import timezone

from controlplane.ledger.models import Statement
from controlplane.ledger.selectors import latest_request
from controlplane.ledger.services import ledger_take, statement_make, statements_purge_expired, under_way
from controlplane.ledger.triggers import due, fingerprint, pipeline_is_busy, spark_is_down
from controlplane.locks import exclusively


@shared_task
def count(statement: str) -> None:
    """Compute a requested statement."""
    row = Statement.objects.filter(pk=statement).first()
    if row is not None:
        statement_make(row)


@shared_task
def keep_current() -> None:
    """Compute the ledger if something has changed. Also resumes requested statements that did not start or finish."""
    with exclusively("ledger") as mine:
        if not mine:
            return
        waiting = under_way()
        if waiting is not None:
            statement_make(waiting)
        elif not spark_is_down() and due(timezone.now(), latest_request(), fingerprint(), busy=pipeline_is_busy()):
            ledger_take(actor=None)
            statements_purge_expired()
