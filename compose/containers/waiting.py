"""Containers start in any order: what is not there yet is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_EVERY_SECONDS = 1.0
SAY_EVERY_SECONDS = 30.0


def wait_until(missing: Callable[[], str], what: str) -> None:
    """Wait until `missing` returns "", and say so now and then; the container's health check tells the same."""
    said = 0.0
    while reason := missing():
        if time.monotonic() - said > SAY_EVERY_SECONDS:
            print(f"Waiting for {what}: {reason}.", flush=True)
            said = time.monotonic()
        time.sleep(LOOK_EVERY_SECONDS)
