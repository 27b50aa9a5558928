"""`python -m spark_jobs`, and where it finds its addresses."""

import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs.connections import connections
from spark_jobs.registry import JOBS

ROOT = Path(__file__).resolve().parents[2]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spark_jobs", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_unknown_job_is_a_wrong_argument_and_the_known_ones_are_named() -> None:
    done = command("gold.nothing", "--run-id", "x")
    assert done.returncode == 2
    assert all(name in done.stderr for name in JOBS)


def test_a_server_that_is_not_there_is_said_in_one_line() -> None:
    done = command("silver.events", "--run-id", "x", "--remote", "sc://127.0.0.1:1")
    assert done.returncode == 4
    assert "No Spark Connect server answers at 127.0.0.1:1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_addresses_come_from_the_environment_then_the_installation_then_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "environment").write_text("SPARK_REMOTE=sc://there:1\nCHECKPOINTS=s3://lake/checkpoints/\n")
    # Set and removed, so that what the file brings into this process leaves it again.
    for name in ("SPARK_REMOTE", "WAREHOUSE", "CHECKPOINTS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("LAKEHOUSE_DATA", str(tmp_path))
    monkeypatch.setenv("SPARK_REMOTE", "sc://here:2")
    found = connections()
    assert found.spark_remote == "sc://here:2"
    assert found.warehouse == f"{tmp_path.as_uri()}/warehouse"
    assert found.checkpoints == "s3://lake/checkpoints"
