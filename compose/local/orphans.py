"""Ends what a program leaves behind when it dies: runs under supervisord, which tells it of every end.

A program that is killed cannot end its children, and supervisord only knows the program itself. What stays behind
(Airflow's workers, a running task) would never release their memory, or do the same work beside its own second try.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
from supervisor import childutils

from compose.local.processes import MARK, end, of_installation

NAME = "orphans"
EVENTS = "PROCESS_STATE_EXITED,PROCESS_STATE_STOPPED,PROCESS_STATE_BACKOFF"


def main() -> None:
    """Wait for events until supervisord ends us."""
    data = Path(os.environ[MARK])
    supervisor = psutil.Process(os.getppid())
    while True:
        childutils.listener.wait(sys.stdin, sys.stdout)
        if left := orphans(data, supervisor):
            print(f"ending {', '.join(f'{process.pid}' for process in left)}", file=sys.stderr, flush=True)
            end(left, patience_seconds=3)
        childutils.listener.ok(sys.stdout)


def orphans(data: Path, supervisor: psutil.Process) -> list[psutil.Process]:
    """Processes of the installation in `data` that do not descend from its supervisor (any more)."""
    # First who is there, then who belongs: the other way round, a program that starts in between belongs to nobody.
    there = of_installation(data)
    family = {supervisor.pid, *(child.pid for child in supervisor.children(recursive=True))}
    return [process for process in there if process.pid not in family]


if __name__ == "__main__":
    main()
