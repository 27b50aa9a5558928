"""Finds runs without a worker: after a lost message, a dead worker or a broker outage."""

import logging
from datetime import timedelta
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from controlplane.enqueue import nudge
from controlplane.health.services import measurement_record
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.runs.execution import LOST_AFTER

log = logging.getLogger(__name__)

# A request that no worker picked up within this time is sent again. Duplicates have no effect.
ASK_AGAIN_AFTER = timedelta(seconds=10)


def runs_reconcile(generate: Any) -> list[str]:
    """Request the runs without a worker again. Return their IDs."""
    now = timezone.now()
    idle = Q(state=RunState.WAITING) | Q(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    unheard = Q(sent_at__isnull=True) | Q(sent_at__lt=now - ASK_AGAIN_AFTER)
    asked = []
    for run in ScenarioRun.objects.filter(idle & unheard).order_by("requested_at")[:100]:
        if run.state == RunState.RUNNING:
            log.warning("run %s: no sign of life since %s, taken up again", run.pk, run.heartbeat_at)
        ScenarioRun.objects.filter(pk=run.pk).update(sent_at=now)
        nudge(generate.s(str(run.pk)))
        asked.append(str(run.pk))
    acknowledged = ScenarioRun.objects.aggregate(sum=Sum("acknowledged"))["sum"] or 0
    measurement_record({"generator.acknowledged": float(acknowledged)})
    return asked
