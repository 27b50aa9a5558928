"""The first stretch on a new machine: check it, make `.venv` with uv, and go on inside it.

Standard library only, and no syntax newer than Python 3.7, so that an old interpreter can still say what is wrong.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11)
OLDEST_JAVA = 17
INSTALLED_BYTES = 6 * 1024**3
# Only these need a whole installation; the others must work at once, and only where there is one.
INSTALLING = ("up", "test", "lint", "lock", "install", "bench-up")
WITH_DEVELOPMENT = ("test", "lint", "lock")


def main() -> None:
    """Make what is missing of `.venv`, then run the command inside it."""
    arguments = sys.argv[1:]
    command = next((word for word in arguments if not word.startswith("-")), "")
    python = ROOT / ".venv" / "bin" / "python"
    try:
        if command in INSTALLING and "--help" not in arguments:
            _check_python(arguments)
            if command in ("up", "test", "bench-up"):
                _check_java()
            sync(".venv", "development" if command in WITH_DEVELOPMENT else "controlplane")
        elif not python.exists():
            _stop("Nothing is installed here yet. Run `make up` first.")
    except KeyboardInterrupt:
        print("Stopped. Run it again to go on: what is downloaded is kept.", file=sys.stderr)
        sys.exit(130)
    os.environ["PYTHONPATH"] = str(ROOT)
    os.execv(str(python), [str(python), "-m", "compose.local.cli", *arguments])


def sync(environment: str, lock: str) -> None:
    """Bring the virtual environment `environment` to `locks/<lock>.txt`; does nothing when it is there already.

    A `.venv` that has the development lock has the control plane's too, and is not stripped of it.
    """
    folder = ROOT / environment
    stamp = folder / ".synced"
    digests = {name: _digest(ROOT / "locks" / (name + ".txt")) for name in _covering(lock)}
    synced = stamp.read_text().split() if stamp.exists() else []
    if len(synced) == 2 and digests.get(synced[0]) == synced[1]:
        return
    if synced and synced[0] in digests:
        lock = synced[0]
    _check_disk()
    uv = _uv()
    started = time.time()
    print("  installing Python packages into " + environment + " ...", flush=True)
    stamp.unlink() if stamp.exists() else None
    if not (folder / "bin" / "python").exists():
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
    requirements = str(ROOT / "locks" / (lock + ".txt"))
    _run([uv, "pip", "sync", "--quiet", "--python", str(folder / "bin" / "python"), "--require-hashes", requirements])
    stamp.write_text(lock + " " + digests[lock] + "\n")
    print("\u2713 Python packages in %s (%.0f s)" % (environment, time.time() - started), flush=True)


def _covering(lock: str) -> tuple[str, ...]:
    return ("controlplane", "development") if lock == "controlplane" else (lock,)


def _check_python(arguments: list[str]) -> None:
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(14, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which("python3.%d" % minor)
        if newer:
            os.execv(newer, [newer, "-m", "compose.local", *arguments])
    _stop(
        "Python %d.%d or newer is needed, and this is %d.%d. Install it (Debian: `apt-get install python3 python3-venv`)"
        " and run `make up PYTHON=/path/to/it`." % (*OLDEST_PYTHON, *sys.version_info[:2])
    )


def _check_java() -> None:
    """Say so before anything is downloaded; compose/local/java.py looks again, and chooses."""
    named = [os.path.join(os.environ["JAVA_HOME"], "bin", "java")] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    found = named + ([on_path] if on_path else []) + [str(java) for java in Path("/usr/lib/jvm").glob("*/bin/java")]
    versions = [_java_version(java) for java in found]
    if max(versions, default=0) >= OLDEST_JAVA:
        return
    what = "Java is missing" if not any(versions) else "Java %d is too old" % max(versions)
    _stop(
        "%s: Spark and Kafka need Java %d or newer. Install it (Debian: `apt-get install openjdk-17-jre-headless`, "
        "macOS: `brew install openjdk@17`) or point JAVA_HOME at one, and run this again." % (what, OLDEST_JAVA)
    )


def _java_version(java: str) -> int:
    try:
        said = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said.decode("utf-8", "replace"))
    return int(match.group(1)) if match else 0


def _check_disk() -> None:
    free = shutil.disk_usage(str(ROOT)).free
    if free < INSTALLED_BYTES and not (ROOT / ".venv" / ".synced").exists():
        _stop(
            "The disk of %s has %.1f GiB left, and the installation needs %d GiB. Free some space and run this again."
            % (ROOT, free / 1024**3, INSTALLED_BYTES // 1024**3)
        )


def _uv() -> str:
    """The installer: the one at hand, else one from a small environment of its own."""
    at_hand = shutil.which("uv")
    if at_hand:
        return at_hand
    folder = ROOT / ".venv-bootstrap"
    uv = folder / "bin" / "uv"
    if not uv.exists():
        print("  fetching the installer (uv) ...", flush=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode:
            shutil.rmtree(str(folder), ignore_errors=True)
            _stop(
                "Python's venv module does not work here. Install it (Debian: `apt-get install python3-venv`) or put uv "
                "on the PATH, and run this again."
            )
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"])
    return str(uv)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()
        full = any("No space left" in line for line in said)
        remedy = "Free some disk space" if full else "Check the connection to the package registry"
        _stop("%s failed: %s. %s and run this again." % (" ".join(command[:3]), said[-1] if said else "", remedy))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stop(line: str) -> None:
    print(line, file=sys.stderr)
    sys.exit(1)
