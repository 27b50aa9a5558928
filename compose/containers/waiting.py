"""Containers start in any order and wait for their dependencies."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from compose.local.errors import InstallationError

LOOK_EVERY_SECONDS = 1.0
SAY_EVERY_SECONDS = 30.0


def wait_until(missing: Callable[[], str], what: str, *, within: float = math.inf) -> None:
    """Wait until `missing` returns "", and print a message now and then; the container's health check reports the same.

    Raises `InstallationError` if it is still missing after `within` seconds, for commands that a user waits for.
    """
    began, said = time.monotonic(), -math.inf
    while reason := missing():
        now = time.monotonic()
        if now - began > within:
            raise InstallationError(
                f"Waited {within / 60:.0f} minutes for {what}: {reason}.",
                "`docker compose ps -a` shows which containers exited; `docker compose logs SERVICE` shows why.",
            )
        if now - said > SAY_EVERY_SECONDS:
            print(f"Waiting for {what}: {reason}.", flush=True)
            said = now
        time.sleep(LOOK_EVERY_SECONDS)
