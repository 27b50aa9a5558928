"""Finds runs without a worker: after a lost message, a dead worker or a broker outage."""

from datetime import timedelta
from typing import Any

from django.db.models import Sum

from controlplane.enqueue import enqueue_on_commit
from controlplane.health.services import measurement_record
from controlplane.leases import requested_again
from controlplane.scenarios.models import ScenarioRun

# A request that no worker picked up within this time is sent again. Duplicates have no effect.
ASK_AGAIN_AFTER = timedelta(seconds=10)


def runs_reconcile(generate: Any) -> list[str]:
    """Request the runs without a worker again. Return their IDs."""
    due = requested_again(ScenarioRun.objects.all(), after=ASK_AGAIN_AFTER, limit=100)
    for run in due:
        enqueue_on_commit(generate.s(str(run.pk)))
    acknowledged = ScenarioRun.objects.aggregate(sum=Sum("acknowledged"))["sum"] or 0
    measurement_record({"generator.acknowledged": float(acknowledged)})
    return [str(run.pk) for run in due]
