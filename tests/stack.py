"""One running installation for all tests marked `stack`: made by `make up`'s code, on ports and a folder of its own.

`LAKEHOUSE_TEST_DATA` names an installation that runs already, for whoever works on a test and doesn't want to wait;
`LAKEHOUSE_TEST_PORT_OFFSET` keeps two checkouts that are tested at the same time apart.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from dotenv import dotenv_values
from pyiceberg.catalog import Catalog, load_catalog

from compose.local.processes import MARK, of_installation
from compose.local.settings import Settings, load
from compose.local.supervision import Supervisor
from spark_jobs.kafka_client import KafkaClient
from spark_jobs.object_store import ObjectStore, object_store
from tests.kafka import client_of
from tests.labels import SignIn
from tests.minio.disk import small_disk
from tests.pages import Page
from tests.system.api import ControlPlane
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]
PORT_OFFSET = os.environ.get("LAKEHOUSE_TEST_PORT_OFFSET", "2000")


@dataclass(frozen=True)
class Stack:
    """A running installation, as seen from outside."""

    data: Path
    environ: dict[str, str]

    @cached_property
    def settings(self) -> Settings:
        return load({**self.environ, "LAKEHOUSE_DATA": str(self.data)}, root=ROOT)

    @cached_property
    def connections(self) -> dict[str, Any]:
        return dict(json.loads((self.data / "connections.json").read_text()))

    @cached_property
    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.data / "credentials.json").read_text()))

    @cached_property
    def kafka(self) -> KafkaClient:
        """An account of Kafka with every right, for what tests create beside the event topic."""
        return client_of(self.connections["kafka_clients"]["admin"])

    @cached_property
    def object_store(self) -> ObjectStore | None:
        """The bucket of the warehouse as the pipeline's user sees it; None where the warehouse is a folder."""
        known = dotenv_values(self.data / "environment")
        return object_store({name: value or "" for name, value in known.items()})

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.settings)

    def pids(self) -> dict[str, int]:
        """The process id of each part that runs."""
        return {process.name: process.pid for process in self.supervisor.processes() if process.pid}

    def processes(self) -> list[psutil.Process]:
        """Every process of the installation, the supervisor and all descendants included."""
        return of_installation(self.data)

    def command(self, *words: str, timeout: float = 300, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `python WORDS` in the checkout as a person with a plain shell would."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env={**self.environ, **more},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def wait_running(self, part: str, *, other_than: int, within: float = 60) -> int:
        """Wait until the supervisor runs the part under another process id, and give that."""
        return wait_for(
            lambda: (pid := self.pids().get(part, 0)) != other_than and pid, f"{part} is running again", within=within
        )


def _plain_environment(data: Path) -> dict[str, str]:
    """The shell of a person who has set nothing but the folder and the ports."""
    kept = {name: value for name, value in os.environ.items() if name in PLAIN or name.startswith(PLAIN_PREFIXES)}
    return {**kept, "LAKEHOUSE_DATA": str(data), "PORT_OFFSET": PORT_OFFSET}


# Where `make test-minio` has the installation keep its tables.
STORAGE = os.environ.get("STORAGE", "folder")
PLAIN = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "JAVA_HOME", "CI", "STORAGE", "MINIO_BINARY")
PLAIN_PREFIXES = (
    "SSL_",
    "PIP_",
    "UV_",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)


@contextmanager
def installation(data: Path, **more: str) -> Iterator[Stack]:
    """An installation in this folder, up without a tour, and down with nothing left at the end of the block."""
    assert MARK not in os.environ, "The tests run inside an installation; start them from a plain shell."
    running = Stack(data, {**_plain_environment(data), **more})
    try:
        with small_disk(data / "minio" / "data") if STORAGE == "minio" else nullcontext():
            try:
                up = running.command("-m", "compose.local", "up", timeout=1200, TOUR="0")
                assert up.returncode == 0, f"`make up TOUR=0` failed:\n{up.stdout}\n{up.stderr}"
                yield running
            finally:
                down = running.command("-m", "compose.local", "down", timeout=300)
                left = [process.cmdline() for process in running.processes()]
                logs = os.environ.get("LAKEHOUSE_TEST_LOGS")
                if logs and (data / "logs").is_dir():
                    shutil.copytree(data / "logs", logs, dirs_exist_ok=True)
                assert down.returncode == 0, down.stdout + down.stderr
                assert not left, f"`make down` left processes behind: {left}"
    finally:
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running installation. Started once; whatever is left of it is ended with the tests."""
    if given := os.environ.get("LAKEHOUSE_TEST_DATA"):
        offset = os.environ.get("PORT_OFFSET", "0")
        yield Stack(Path(given), {**_plain_environment(Path(given)), "PORT_OFFSET": offset})
        return
    with installation(Path(tempfile.mkdtemp(prefix="lakehouse-tests-"))) as running:
        yield running


@pytest.fixture(scope="session")
def control_plane(stack: Stack) -> Iterator[ControlPlane]:
    """The API of the running installation, as its first admin."""
    api = ControlPlane(stack.credentials["url"], stack.credentials["api_token"])
    yield api
    api.http.close()


@contextmanager
def signed_in(credentials: dict[str, str], **more: Any) -> Iterator[httpx.Client]:
    """A client with a session, as `credentials.json` says.

    It asks at the address for programs, under the name for people: only browsers find that one by themselves.
    """
    named = {"Host": urlsplit(credentials["browser_url"]).netloc}
    with httpx.Client(base_url=credentials["url"], headers=named, trust_env=False, **more) as client:
        page = Page(client.get("/sign-in/").text, address="/sign-in/")
        form = page.action(SignIn.SIGN_IN).fields | {name: credentials[name] for name in ("username", "password")}
        answer = client.post("/sign-in/", data=form, headers={"Referer": credentials["browser_url"]})
        assert answer.status_code in (200, 302)
        assert "/sign-in/" not in str(answer.url.join(answer.headers.get("Location", "")))
        yield client


@pytest.fixture(scope="session")
def pages(stack: Stack) -> Iterator[httpx.Client]:
    """The pages of the running installation, as its first admin reads them."""
    with signed_in(stack.credentials, timeout=15.0, follow_redirects=True) as client:
        yield client


@pytest.fixture
def stack_lake(stack: Stack) -> Iterator[Catalog]:
    """The running installation's lake, as a script of a user would open it."""
    lake = load_catalog("lake", **stack.connections["catalog"])
    yield lake
    lake.close()
