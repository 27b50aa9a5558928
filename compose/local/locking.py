"""One command at a time may change an installation."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose.local.errors import InstallationError


@contextmanager
def only_one(data: Path, command: str) -> Iterator[None]:
    """Hold the installation in `data` for the block; raises `InstallationError` when another command holds it.

    The lock is the kernel's, so a killed command releases it.
    """
    with (data / "command.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "another command"
            raise InstallationError(
                f"{holder} is already working on this installation.",
                "Wait until it has finished, or use another LAKEHOUSE_DATA and PORT_OFFSET for a second installation.",
            ) from None
        file.truncate(0)
        file.write(f"`make {command}` (process {os.getpid()})")
        file.flush()
        yield
        file.truncate(0)
