"""A Spark standalone cluster on loopback, made of the master and the worker that pyspark brings."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from compose.local.java import find_java
from compose.local.packages import folder_of
from tests.waiting import wait_for

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Cluster:
    """A running master; `address` is what SPARK_MASTER takes."""

    address: str
    page: str

    def state(self) -> dict[str, Any]:
        """What the master says of its workers and applications."""
        told = httpx.get(f"{self.page}/json/", timeout=10, trust_env=False)
        return dict(told.raise_for_status().json())

    def workers(self) -> list[dict[str, Any]]:
        return [worker for worker in self.state()["workers"] if worker["state"] == "ALIVE"]


@contextmanager
def cluster(folder: Path, workers: int, *, cores: int = 1, memory: str = "1g") -> Iterator[Cluster]:
    """A master with so many workers; `cores` and `memory` are each worker's. All of it ends with the block."""
    port, page = _free_ports(2)
    made = Cluster(f"spark://{HOST}:{port}", f"http://{HOST}:{page}")
    programs = []
    try:
        programs.append(_program(folder / "master", "master.Master", "--port", str(port), "--webui-port", str(page)))
        wait_for(lambda: made.state()["status"] == "ALIVE", "the master is alive", within=60)
        words = ("--webui-port", "0", "--cores", str(cores), "--memory", memory, made.address)
        programs += [_program(folder / f"worker-{number}", "worker.Worker", *words) for number in range(workers)]
        wait_for(lambda: len(made.workers()) == workers, f"{workers} workers are alive", within=60)
        yield made
    finally:
        for program in reversed(programs):
            # The worker's executors are in its group.
            os.killpg(program.pid, signal.SIGTERM)
        for program in programs:
            program.wait(timeout=30)


def _program(folder: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True)
    home = folder_of("pyspark")
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", "--host", HOST, *words]
    if name == "worker.Worker":
        command[-1:-1] = ["--work-dir", str(folder / "work")]
    own = {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_SCALA_VERSION": "2.13",
        "JAVA_HOME": str(Path(find_java()).resolve().parents[1]),
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, env={**os.environ, **own}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
