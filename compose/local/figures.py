"""What every measurement does: run our commands as a person would, and print one JSON line a figure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from compose.local.errors import InstallationError


def command(root: Path, environ: dict[str, str], *words: str) -> float:
    """Run one of our commands; returns the seconds it took."""
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
    """The shell of a person who has set nothing, but for what installing needs."""
    kept = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "MINIO_BINARY")
    prefixes = ("SSL_", "PIP_", "UV_", "npm_config_", "http", "HTTP", "no_proxy", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith(prefixes)}


def at_most(name: str, value: float, unit: str, goal: float) -> bool:
    """Print a figure that should not be above `goal`; returns whether it is not."""
    return _figure(name, value, unit, None, goal, value <= goal)


def at_least(name: str, value: float, unit: str, goal: float, peer: str) -> bool:
    """Print a figure that was compared with `peer` and should not be below `goal`; returns whether it is not."""
    return _figure(name, value, unit, peer, goal, value >= goal)


def _figure(name: str, value: float, unit: str, peer: str | None, goal: float, holds: bool) -> bool:
    line = {"name": name, "value": round(value, 2), "unit": unit, "peer": peer, "goal": goal, "holds": holds}
    print(json.dumps(line), flush=True)
    return holds
