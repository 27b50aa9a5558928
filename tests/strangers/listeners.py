"""Every port and socket on which processes of an installation listen, with the service that each belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

# The flag of a listening socket in /proc/net/unix.
ACCEPTS = 0x10000
SUPERVISOR = "supervisord"


@dataclass(frozen=True)
class Listener:
    """One of them. `service` is the supervised program; `port` is 0 and `path` set for a Unix socket.

    The path of an abstract socket begins with @.
    """

    service: str
    process: str
    address: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        where = self.path or f"{self.address}:{self.port}"
        return f"{where} of {self.process} ({self.service})"


def listeners(processes: list[psutil.Process], pids: Mapping[str, int]) -> list[Listener]:
    """What `processes` listen on. `pids` are those of the supervised programs; the supervisor is their parent."""
    programs = {pid: name for name, pid in pids.items()}
    unix = _unix_sockets()
    found: set[Listener] = set()
    for process in processes:
        try:
            service, name = _service(process, programs), f"{process.name()}, process {process.pid}"
            connections = process.net_connections("tcp")
            opened = list(_inodes(process.pid))
        except (psutil.Error, OSError):
            continue  # it has ended
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN:
                found.add(Listener(service, name, connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port))
        found.update(Listener(service, name, "", 0, _file(unix[inode])) for inode in opened if inode in unix)
    return sorted(found, key=str)


def _file(path: str) -> str:
    """supervisord binds its socket under a temporary name with its process id, and then renames the file."""
    return path if path.startswith("@") or Path(path).exists() else re.sub(r"\.\d+$", "", path)


def _service(process: psutil.Process, programs: Mapping[int, str]) -> str:
    """The nearest supervised program among the process and its ancestors."""
    family = (process, *process.parents())
    return next((programs[one.pid] for one in family if one.pid in programs), SUPERVISOR)


def _unix_sockets() -> dict[int, str]:
    """Path of each listening Unix socket by its inode; none on a system without /proc."""
    table = Path("/proc/net/unix")
    if not table.exists():
        return {}
    rows = (line.split(maxsplit=7) for line in table.read_text().splitlines()[1:])
    return {int(row[6]): row[7] if len(row) > 7 else "" for row in rows if int(row[3], 16) & ACCEPTS}


def _inodes(pid: int) -> Iterator[int]:
    folder = Path(f"/proc/{pid}/fd")
    if not folder.exists():
        return
    for entry in folder.iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
        except FileNotFoundError:
            continue
        if found:
            yield int(found[1])
