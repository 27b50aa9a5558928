"""Asking for a periodic task now instead of at its next turn."""

import logging
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def nudge(task: Any) -> None:
    """Send `task` once the current transaction is committed.

    The row is what counts: where the broker is away nothing is lost, the task's next turn finds it.
    """

    def send() -> None:
        try:
            task.apply_async(retry=False)
        except OperationalError as error:
            log.warning("%s has to wait for its turn: %s", task.name, error)

    transaction.on_commit(send)
