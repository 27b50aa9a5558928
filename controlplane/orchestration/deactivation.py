"""Withdraws the requests of a deactivated user that have not started.

DAG runs that were sent to Airflow, and Spark jobs that have started, continue.
"""

from typing import Any

from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.signals import person_deactivated
from controlplane.leases import WorkState
from controlplane.orchestration.models import DagRun, SparkJob


def requests_withdraw_of(person: User) -> int:
    """Withdraw the waiting requests of a user and return their number."""
    who, now = person.get_username(), timezone.now()
    why = f"Not started: the user {who}, who requested it, was deactivated."
    ended = {"state": WorkState.FAILED, "finished_at": now}
    waiting = {"state": WorkState.WAITING, "requested_by": who}
    jobs = SparkJob.objects.filter(**waiting, attempts=0).update(**ended, error=why)
    return jobs + DagRun.objects.filter(**waiting, sent_at=None).update(**ended, message=why)


def _ended(*, person: User, **_: Any) -> dict[str, int]:
    return {"queued_requests_withdrawn": requests_withdraw_of(person)}


def listen() -> None:
    """Connect the receiver."""
    person_deactivated.connect(_ended, dispatch_uid="orchestration")
