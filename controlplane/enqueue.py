"""Runs a periodic task now instead of at its next scheduled time."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

from controlplane.provider import Provider

log = logging.getLogger(__name__)


@Provider
def task_sender() -> Callable[[Any], None]:
    """What hands a task to the workers."""
    return _send


def enqueue_on_commit(task: Any) -> None:
    """Send `task` once the current transaction is committed.

    If the broker is unreachable nothing is lost: the next scheduled run finds the row.
    """
    transaction.on_commit(lambda: task_sender()(task))


def _send(task: Any) -> None:
    try:
        task.apply_async(retry=False)
    except OperationalError as error:
        log.warning("%s has to wait for its turn: %s", task.name, error)
