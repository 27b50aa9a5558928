"""The first steps on a new machine: check it, create `.venv` with uv, and continue inside it.

Standard library only, and no syntax newer than Python 3.7, so that an old interpreter can still say what is wrong.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose.local.errors import InstallationError

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11)
OLDEST_JAVA = 17
JAVA_FOLDER = Path("/usr/lib/jvm")
INSTALLED_GIB = 6
REMINDER_SECONDS = 20
# The other commands must respond immediately and only work with an existing installation.
TESTING = (
    *("test", "test-faults", "test-minio", "test-monitoring"),
    *("test-compose", "test-cluster", "test-rotation", "test-backup"),
)
BENCHES = ("bench-up", "bench-storage", "bench-generator")
INSTALLING = ("up", *TESTING, "lint", "docs", "lock", "audit", "sbom", *BENCHES)
WITH_JAVA = ("up", *TESTING, *BENCHES)
WITH_DEVELOPMENT = (*TESTING, *BENCHES, "lint", "docs", "lock", "audit", "sbom")


def main() -> None:
    """Complete `.venv`, then run the command inside it."""
    arguments = sys.argv[1:]
    command = next((word for word in arguments if not word.startswith("-")), "")
    python = ROOT / ".venv" / "bin" / "python"
    try:
        if command in INSTALLING and "--help" not in arguments:
            _check_python(arguments)
            if command in WITH_JAVA:
                check_java()
            lock = "development" if command in WITH_DEVELOPMENT else "controlplane"
            if is_stale(".venv", lock):
                with install_lock():
                    sync(".venv", lock)
        elif not python.exists():
            raise InstallationError("Not installed yet. Run `make up` first.")
    except InstallationError as stop:
        print(stop, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Stopped. Run it again to continue; completed downloads are kept.", file=sys.stderr)
        sys.exit(130)
    os.environ["PYTHONPATH"] = str(ROOT)
    os.execv(str(python), [str(python), "-m", "compose.local.cli", *arguments])


@contextmanager
def install_lock() -> Iterator[None]:
    """Hold the checkout's environments for one installer; raises `InstallationError` when another one works on them."""
    with (ROOT / ".install.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip()
            raise InstallationError(
                f"Another command is already installing in this checkout (process {holder}). "
                "Wait until it has finished, then run this again."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def is_stale(environment: str, lock: str) -> bool:
    """Whether the virtual environment `environment` is not what `locks/<lock>.txt` says."""
    synced = _synced(environment)
    return synced is None or synced[0] not in _covering(lock) or synced[1] != _digest(synced[0])


def sync(environment: str, lock: str, quiet: bool = False) -> None:
    """Bring the virtual environment `environment` to `locks/<lock>.txt`, by digest.

    A `.venv` that has the development lock has the control plane's too, and is not stripped of it.
    """
    synced = _synced(environment)
    if synced is not None and synced[0] in _covering(lock):
        lock = synced[0]
    folder = ROOT / environment
    stamp = folder / ".synced"
    if synced is None:
        _check_disk()
    started = time.time()
    if not quiet:
        print(f"  installing Python packages into {environment} ...", flush=True)
    if stamp.exists():
        stamp.unlink()
    if not (folder / "bin" / "python").exists():
        _run([uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
    requirements = str(ROOT / "locks" / f"{lock}.txt")
    _run([uv(), "pip", "sync", "--quiet", "--python", str(folder / "bin" / "python"), "--require-hashes", requirements])
    stamp.write_text(f"{lock} {_digest(lock)}\n")
    if not quiet:
        print(f"\u2713 Python packages in {environment} ({time.time() - started:.0f} s)", flush=True)


def _synced(environment: str) -> tuple[str, str] | None:
    stamp = ROOT / environment / ".synced"
    words = stamp.read_text().split() if stamp.exists() else []
    return (words[0], words[1]) if len(words) == 2 else None


def _covering(lock: str) -> tuple[str, ...]:
    return ("controlplane", "development") if lock == "controlplane" else (lock,)


def _digest(lock: str) -> str:
    return hashlib.sha256((ROOT / "locks" / f"{lock}.txt").read_bytes()).hexdigest()


def _check_python(arguments: list[str]) -> None:
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(14, OLDEST_PYTHON[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, "-m", "compose.local", *arguments])
    raise InstallationError(
        f"Python 3.{OLDEST_PYTHON[1]} or newer is required; this is {sys.version_info[0]}.{sys.version_info[1]}. "
        "Install it (Debian: `apt-get install python3 python3-venv`) and run `make up PYTHON=/path/to/it`."
    )


def check_java() -> None:
    """Raise `InstallationError` without a suitable Java, before anything is downloaded; java.py chooses later."""
    named = [os.path.join(os.environ["JAVA_HOME"], "bin", "java")] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    found = named + ([on_path] if on_path else []) + [str(java) for java in JAVA_FOLDER.glob("*/bin/java")]
    newest = max((java_version(java) for java in found), default=0)
    if newest < OLDEST_JAVA:
        what = f"Java {newest} is too old" if newest else "Java is missing"
        raise InstallationError(
            f"{what}: Spark and Kafka require Java {OLDEST_JAVA} or newer. Install it (Debian: `apt-get install "
            "openjdk-17-jre-headless`, macOS: `brew install openjdk@17`) or set JAVA_HOME, and run this again."
        )


def java_version(java: str) -> int:
    """The major version of this `java`, 0 when it does not run."""
    try:
        said = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said.decode("utf-8", "replace"))
    return int(match.group(1)) if match else 0


def _check_disk() -> None:
    free = shutil.disk_usage(str(ROOT)).free / 1024**3
    if free < INSTALLED_GIB:
        raise InstallationError(
            f"The disk of {ROOT} has {free:.1f} GiB free; the installation needs {INSTALLED_GIB} GiB. "
            "Free some space and run this again."
        )


def uv() -> str:
    """Path of the installer: the one at hand, else one from a small environment of its own."""
    at_hand = shutil.which("uv")
    if at_hand:
        return at_hand
    folder = ROOT / ".venv-bootstrap"
    own = folder / "bin" / "uv"
    if not own.exists():
        print("  fetching the installer (uv) ...", flush=True)
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if made.returncode:
            shutil.rmtree(str(folder), ignore_errors=True)
            raise InstallationError(
                "Python's venv module is not available. Install it (Debian: `apt-get install python3-venv`) or put "
                "uv on the PATH, and run this again."
            )
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"])
    return str(own)


def _run(command: list[str]) -> None:
    """Run an installer; with the system's certificates when it asks for them (a company's proxy has its own)."""
    said, code = _output(command, {})
    if code and ("--system-certs" in said or "--native-tls" in said):
        said, code = _output(command, {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"})
    if code:
        lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no output"]
        problem = next((line for line in lines if line.lower().startswith(("error", "\u00d7"))), lines[-1])
        remedy = "Free some disk space" if "No space left" in said else "Check the connection to the package registry"
        called = " ".join([os.path.basename(command[0]), *command[1:3]])
        raise InstallationError(f"`{called}` failed: {problem}. {remedy} and run this again.")


def _output(command: list[str], more: dict[str, str]) -> tuple[str, int]:
    started = time.time()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **more})
    while True:
        try:
            said, _ = running.communicate(timeout=REMINDER_SECONDS)
            return said.decode("utf-8", "replace"), running.returncode
        except subprocess.TimeoutExpired:
            print(f"  ... still running ({time.time() - started:.0f} s)", flush=True)
        except BaseException:
            running.kill()
            raise
