"""Prometheus's own judgement, by its promtool."""

import shutil
import subprocess
from itertools import pairwise

import pytest


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not on PATH, so nobody checks rules and names of figures here: install Prometheus.")
    return found


def linted(promtool: str, text: str) -> list[str]:
    """What promtool finds in figures as they are told. It passes over a family without samples, so each gets one."""
    full = []
    for line, following in pairwise([*text.splitlines(), ""]):
        full.append(line)
        if line.startswith("# TYPE ") and (following.startswith("# ") or not following):
            full.append(f"{line.split()[2]} 0")
    done = subprocess.run(
        [promtool, "check", "metrics"], input="\n".join(full) + "\n", capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (not done.stderr), done.stderr
    return done.stderr.splitlines()
