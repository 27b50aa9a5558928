"""Processes of this machine: those of an installation, and whoever holds a port."""

from __future__ import annotations

from pathlib import Path

import psutil

MARK = "LAKEHOUSE_INSTALLATION"


def of_installation(data: Path) -> list[psutil.Process]:
    """Every process that the supervisor of `data` started, itself included, with all their descendants.

    They are known by a variable of their environment, so they are found even when the supervisor is gone.
    """
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(MARK) == str(data)
        except (psutil.Error, OSError):
            continue
        if marked:
            found[process.pid] = process
    for process in list(found.values()):
        try:
            found.update((child.pid, child) for child in process.children(recursive=True))
        except psutil.Error:
            continue
    return list(found.values())


def end(processes: list[psutil.Process], patience_seconds: float = 10) -> None:
    """Ask the processes to end, and kill those that have not ended after a while."""
    for process in processes:
        try:
            process.terminate()
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(processes, timeout=patience_seconds)
    for process in alive:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(alive, timeout=5)


def holder_of(port: int) -> str:
    """Name and process id of whoever listens on `port`, or "" when that cannot be seen."""
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def is_held_by(port: int, data: Path) -> bool:
    """Whether a process of the installation in `data` listens on `port`.

    Where the system does not tell who listens (macOS without root), the answer is that it does.
    """
    try:
        pids = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        }
    except psutil.AccessDenied:
        return True
    return bool(pids) and pids <= {process.pid for process in of_installation(data)}


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; pages that they share count once where the system tells."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for member in family:
        try:
            memory = member.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
        except psutil.Error:
            continue
    return total
