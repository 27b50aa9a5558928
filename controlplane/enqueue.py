"""Runs a periodic task now instead of at its next scheduled time."""

import logging
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def nudge(task: Any) -> None:
    """Send `task` once the current transaction is committed.

    If the broker is unreachable nothing is lost: the next scheduled run finds the row.
    """

    def send() -> None:
        try:
            task.apply_async(retry=False)
        except OperationalError as error:
            log.warning("%s waits for its next scheduled run: %s", task.name, error)

    transaction.on_commit(send)
