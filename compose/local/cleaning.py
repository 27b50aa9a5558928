"""`make clean`: delete the files of an installation, and no others."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from compose.local import checks
from compose.local.credentials import NEXT_SECRETS, RESTORING
from compose.local.errors import InstallationError
from compose.local.locking import only_one
from compose.local.parts.bi import bi_socket
from compose.local.settings import Settings
from compose.local.supervision import supervisor_socket

# Everything that is ever written to a data folder; other files there are not touched.
WRITTEN = (
    *("airflow", "bi", "checkpoints", "controlplane", "kafka", "logs", "minio", "postgres", "prometheus"),
    *("recordings", "redis", "spark", "static", "warehouse", "metrics.token"),
    *("command.lock", "connections.json", "credentials.json", "environment", "password.changed", "secrets.json"),
    *(NEXT_SECRETS, RESTORING, "backup.unfinished", "restored", "spark-ui.token"),
    *("supervisord.conf", "supervisord.pid", "supervisor.sock"),
)
INSTALLED = (
    *(".venv", ".venv-airflow", ".venv-bootstrap", ".jars", ".minio", ".tools"),
    *("controlplane/web/node_modules", "linters/node_modules"),
)


def clean(settings: Settings, *, yes: bool, everything: bool) -> int:
    """Stop the installation and delete its data; with `everything`, also what was installed into the checkout."""
    data = settings.data
    doomed = [data / name for name in WRITTEN if (data / name).exists()]
    if everything:
        doomed += [settings.root / name for name in INSTALLED if (settings.root / name).exists()]
    if not doomed:
        print("There is nothing to delete.")
        return 0
    what = f"all data in {data}: events, tables, users and runs"
    if everything:
        what += ", and all installed packages"
    if not yes:
        _confirm(
            f"This stops the installation and deletes {what} ({_gibibytes(doomed):.1f} GiB). This cannot be undone."
        )
    if data.exists():
        with only_one(data, "clean"):
            checks.stop_everything(settings)
    # Those of a data folder with a long path lie in folders for temporary files.
    for socket in (supervisor_socket(data), bi_socket(data)):
        if not socket.is_relative_to(data):
            shutil.rmtree(socket.parent, ignore_errors=True)
    for path in doomed:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    if data.exists() and not any(data.iterdir()):
        data.rmdir()
    print(f"Deleted {what}.")
    return 0


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise InstallationError(question, "Run `make clean YES=1` to skip the confirmation.")
    if input(f"{question} Type yes to continue: ").strip().lower() != "yes":
        raise InstallationError("Nothing was deleted.")


def _gibibytes(paths: list[Path]) -> float:
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.lstat().st_blocks * 512 for file in files if file.is_file()) / 1024**3
