"""Update the lock files from `pyproject.toml` and `locks/airflow.in`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from compose.local.bootstrap import uv


def write(root: Path) -> None:
    """Resolve for the oldest Python that we support, for every platform, with digests."""
    options = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header")
    compiled = (
        ("controlplane", ("pyproject.toml",)),
        ("development", ("pyproject.toml", "--group", "dev", "-c", "locks/controlplane.txt")),
        ("airflow", ("locks/airflow.in",)),
    )
    for name, arguments in compiled:
        output = f"locks/{name}.txt"
        subprocess.run([uv(), "pip", "compile", *arguments, *options, "--quiet", "-o", output], cwd=root, check=True)
