"""What this checkout is, as far as a backup depends on it: versions, and the newest migration of each app."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from compose.local.backup.archive import Manifest
from compose.local.errors import InstallationError
from compose.local.parts.postgres import NEWEST

UPGRADE = "Restore it with that release or a newer one (`git log`, CHANGELOG.md)."


def version(root: Path) -> str:
    """The product's version, of pyproject.toml."""
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def airflow_version(root: Path) -> str:
    """Airflow's version, of its lock."""
    found = re.search(r"^apache-airflow==(\S+)", (root / "locks" / "airflow.txt").read_text(), flags=re.MULTILINE)
    assert found is not None, "the lock names Airflow"
    return found[1]


def migrations(root: Path) -> dict[str, set[str]]:
    """The migrations that this checkout has, by app of the control plane."""
    folders = (root / "controlplane").glob("*/migrations")
    found = {folder.parent.name: {path.stem for path in folder.glob("[0-9]*.py")} for folder in folders}
    return {app: names for app, names in found.items() if names}


def refuse_newer(manifest: Manifest, root: Path) -> None:
    """Raise `InstallationError` for a backup whose databases this checkout does not understand."""
    for what, theirs, ours in (
        ("release", manifest.version, version(root)),
        ("Airflow", manifest.airflow, airflow_version(root)),
        ("PostgreSQL", str(manifest.postgres), str(NEWEST)),
    ):
        if _numbers(theirs) > _numbers(ours):
            raise InstallationError(f"The backup was created with {what} {theirs}; this release has {ours}.", UPGRADE)
    known = migrations(root)
    for app, name in sorted(manifest.migrations.items()):
        if name not in known.get(app, ()):
            raise InstallationError(
                f"The backup has the migration {name} of {app}, which this release does not have.", UPGRADE
            )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
