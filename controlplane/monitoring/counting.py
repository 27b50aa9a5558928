"""Counts finished tasks of all workers by name and outcome."""

import logging
import time
from typing import Any

from celery.signals import task_postrun, task_prerun, task_revoked

from controlplane.monitoring.ports import TaskCountsUnreachableError
from controlplane.monitoring.providers import task_counter

log = logging.getLogger(__name__)

OUTCOMES = {"SUCCESS": "succeeded", "FAILURE": "failed", "RETRY": "retried"}
_began: dict[str, float] = {}


def _begins(task_id: str = "", **more: Any) -> None:
    _began[task_id] = time.monotonic()


def _ends(task_id: str = "", task: Any = None, state: str = "", **more: Any) -> None:
    began = _began.pop(task_id, None)
    _add(task.name, OUTCOMES.get(state, "failed"), time.monotonic() - began if began else 0.0)


def _dropped(request: Any = None, expired: bool = False, **more: Any) -> None:
    _add(str(request.task), "expired" if expired else "revoked", 0.0)


def _add(task: str, outcome: str, seconds: float) -> None:
    """Never raises: a task must not fail because it could not be counted."""
    try:
        task_counter().add(task, outcome, seconds)
    except TaskCountsUnreachableError as error:
        log.debug("%s was not counted: %s", task, error)


task_prerun.connect(_begins)
task_postrun.connect(_ends)
task_revoked.connect(_dropped)
