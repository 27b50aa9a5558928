"""The Celery application, and the one list of what happens by itself and how often."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from controlplane.health.periods import PERIODS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("controlplane")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _keep_logging(**more: Any) -> None:
    """Django has set logging up, for all processes alike; with a receiver here Celery leaves it as it is."""


setup_logging.connect(_keep_logging)


# Task name, and every how many seconds beat asks for it. A request that was not taken up before the next one is due is
# dropped: these tasks look at the whole state each time, so a late one has nothing to add.
PERIODIC: dict[str, float] = {
    "controlplane.accounts.tasks.purge_expired": 3600.0,
    "controlplane.accounts.tasks.verify_audit": 3600.0,
    "controlplane.accounts.tasks.purge_audit": 86_400.0,
    "controlplane.health.tasks.forget": 3600.0,
    "controlplane.scenarios.tasks.start_scheduled": 2.0,
    "controlplane.scenarios.tasks.forget": 86_400.0,
    "controlplane.streaming.tasks.reconcile": 3.0,
    "controlplane.streaming.tasks.forget": 86_400.0,
    "controlplane.orchestration.tasks.sync_dag_runs": 3.0,
    "controlplane.orchestration.tasks.dispatch_spark_jobs": 5.0,
    "controlplane.ledger.tasks.keep_current": 5.0,
    "controlplane.quality.tasks.index_everything": 600.0,
    "controlplane.quality.tasks.index": 5.0,
    "controlplane.scenarios.tasks.reconcile": 5.0,
    "controlplane.scenarios.tasks.tidy": 86_400.0,
}

app.conf.beat_scheduler = "controlplane.health.heartbeat:ObservedScheduler"
app.conf.beat_schedule = {
    **{task: {"task": task, "schedule": every, "options": {"expires": every}} for task, every in PERIODIC.items()},
    **{
        f"observe {part}": {
            "task": "controlplane.health.tasks.observe",
            "args": (part,),
            "schedule": every,
            "options": {"expires": every},
        }
        for part, every in PERIODS.items()
    },
}
