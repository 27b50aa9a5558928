"""The installations that the benchmarks measure, and how a benchmark is started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.local import checks
from compose.local.cli import guarded
from compose.local.errors import InstallationError
from compose.local.settings import Settings, load
from compose.local.supervision import Supervisor
from tests.benchmarks.figures import Figures


@dataclass(frozen=True)
class Measured:
    """An installation of a benchmark: its settings, the environment of its commands, and a folder for other files."""

    settings: Settings
    environ: dict[str, str]
    folder: Path

    def command(self, *words: str, **variables: str) -> float:
        """Run `make <words>` for this installation; returns its duration in seconds.

        Raises:
            InstallationError: it failed; the message has its output.
        """
        return command(self.settings.root, self.environ | variables, *words)


@contextmanager
def new_installation(root: Path, port_offset: int, **variables: str) -> Iterator[Measured]:
    """An installation in a temporary folder. It is stopped and deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        environ = plain_environment() | {"LAKEHOUSE_DATA": f"{folder}/data", "PORT_OFFSET": str(port_offset)}
        environ |= variables
        measured = Measured(load(environ, root=root), environ, Path(folder))
        try:
            yield measured
        finally:
            checks.stop_everything(measured.settings)


def main(name: str, measure: Callable[[Settings, Figures], None]) -> int:
    """Run the benchmark `make <name>`; returns its exit code, which is 1 if a figure does not hold."""

    def run() -> int:
        settings = load()
        if Supervisor(settings).is_running():
            print("Another installation is running; the measured values will be worse.", file=sys.stderr)
        figures = Figures()
        measure(settings, figures)
        return figures.exit_code()

    return guarded(name, run)


def command(root: Path, environ: dict[str, str], *words: str) -> float:
    """Run a command of the checkout in `root`; returns its duration in seconds.

    Raises:
        InstallationError: it failed; the message has its output.
    """
    began = time.monotonic()
    done = subprocess.run(
        [shutil.which("python3") or sys.executable, "-m", "compose.local", *words],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InstallationError(f"`make {words[0]}` failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def plain_environment() -> dict[str, str]:
    """The environment without the user's settings, except those that an installation needs to download packages."""
    kept = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "MINIO_BINARY")
    prefixes = ("SSL_", "PIP_", "UV_", "npm_config_", "http", "HTTP", "no_proxy", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith(prefixes)}
