"""Passes over Airflow's list of runs."""

from datetime import timedelta

from django.utils import timezone

from controlplane.orchestration.adapters.null import NullWorkflowEngine
from controlplane.orchestration.models import AirflowSyncStatus
from controlplane.orchestration.syncing import ROUND_PAGES, sync


def later(engine: NullWorkflowEngine, *, round_pages: int = ROUND_PAGES) -> None:
    """A pass of which the round over all runs is a part, too."""
    AirflowSyncStatus.objects.update(round_at=timezone.now() - timedelta(minutes=1))
    sync(engine, round_pages=round_pages)
