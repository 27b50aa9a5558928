"""The Celery application and its periodic tasks."""

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
    """Keep Django's logging configuration: with a receiver connected, Celery does not set up its own."""


setup_logging.connect(_keep_logging)


# Task name and period in seconds. A task that has not started before the next one is due expires: these tasks process
# the whole state each time, so a late one is redundant.
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
