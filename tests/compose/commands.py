"""The commands, run on an installation of the tests' own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from compose.local import processes
from compose.local.settings import ROOT, Settings, load
from compose.local.supervision import Supervisor

WATCHING_PORTS = ("PROMETHEUS_PORT", "KAFKA_METRICS_PORT", "POSTGRES_METRICS_PORT", "REDIS_METRICS_PORT")
PORTS = ("POSTGRES_PORT", "REDIS_PORT", "KAFKA_PORT", "KAFKA_CONTROLLER_PORT", *WATCHING_PORTS)
KEPT = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "JAVA_HOME")


class Installation:
    """A data folder and ports of its own, and the commands run on it as from a plain shell."""

    def __init__(self, data: Path) -> None:
        with contextlib.ExitStack() as held:
            sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
            ports = {name: str(one.getsockname()[1]) for name, one in zip(PORTS, sockets, strict=True)}
        self.environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environ |= {"LAKEHOUSE_DATA": str(data), **ports}

    @property
    def settings(self) -> Settings:
        return load(self.environ, root=ROOT)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "compose.local", *words],
            cwd=ROOT,
            env={**self.environ, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The same without waiting for its end."""
        return subprocess.Popen(
            [sys.executable, "-m", "compose.local", *words],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background job ignores SIGINT, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def up(self, parts: str = "redis") -> subprocess.CompletedProcess[str]:
        return self.run("up", "--only", parts)

    def pids(self) -> dict[str, int]:
        return {process.name: process.pid for process in Supervisor(self.settings).processes() if process.pid}

    def uids(self) -> dict[str, set[int]]:
        """The user ids of each part's processes."""
        found = {name: psutil.Process(pid) for name, pid in self.pids().items()}
        return {
            name: {one.uids().real for one in (process, *process.children(recursive=True))}
            for name, process in found.items()
        }

    def processes(self) -> list[psutil.Process]:
        return processes.of_installation(self.settings.data)
