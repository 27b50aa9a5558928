"""Preconditions of a start, and stopping everything."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from compose.local import processes
from compose.local.errors import InstallationError
from compose.local.parts import Part
from compose.local.progress import Progress
from compose.local.settings import Settings
from compose.local.supervision import Supervisor, supervisor_socket

# An hour of use needs far less; a full disk stops Kafka and PostgreSQL.
NEEDED_FOR_DATA_BYTES = 2 * 1024**3


def is_root() -> bool:
    """Whether this user is root, which some programs reject."""
    return os.geteuid() == 0


def about_the_account(parts: Iterable[Part]) -> list[str]:
    """Warnings for starting the installation as root."""
    if not is_root():
        return []
    ordinary = ", ".join(part.title for part in parts if part.user)
    return [
        f"Running as root: every service except {ordinary} gets root rights. Use a normal account (see SECURITY.md)."
    ]


def ports_are_free(parts: list[Part]) -> None:
    """Raise `InstallationError` for the first port that is used by another program."""
    for part in parts:
        for variable, port in part.ports.items():
            if _is_free(port):
                continue
            holder = processes.holder_of(port)
            by = f" by {holder}" if holder else ""
            raise InstallationError(
                f"Port {port} ({variable}, {part.title}) is in use{by}.",
                f"Stop that process, or choose other ports: `make up {variable}=...`, or PORT_OFFSET=100 for all.",
            )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A recently closed connection does not count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def disk_has_room(folder: Path, needed_bytes: int = NEEDED_FOR_DATA_BYTES) -> None:
    """Raise `InstallationError` when the disk of `folder` (which need not exist yet) has less free than needed."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise InstallationError(
            f"The disk of {folder} has {free / 1024**3:.1f} GiB free; {needed_bytes / 1024**3:.0f} GiB are needed.",
            "Free some space, or set LAKEHOUSE_DATA to a folder on another disk.",
        )


def end_left_overs(data: Path, progress: Progress) -> None:
    """Stop processes of this installation without a supervisor: they would occupy its ports and files."""
    left = processes.of_installation(data)
    if left:
        with progress.step(f"Stopping {len(left)} processes left by a previous supervisor"):
            processes.end(left)
    supervisor_socket(data).unlink(missing_ok=True)


def stop_everything(settings: Settings, patience_seconds: float = 60) -> int:
    """Stop the supervisor and all it started; returns how many processes there were."""
    there = processes.of_installation(settings.data)
    supervisor = Supervisor(settings)
    if supervisor.is_running():
        # The services that store the state of others stop last, so that none waits for them.
        supervisor.shutdown(last=("postgres", "redis", "minio"), patience_seconds=patience_seconds)
    # The supervisor waits for its own children; theirs may outlive them by a moment, or never end.
    processes.end(processes.of_installation(settings.data))
    return len(there)
