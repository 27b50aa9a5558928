"""`make restore`: an installation from a backup, in an empty data folder.

A marker in the data folder says that a restore is under way. While it is there, `make up` starts nothing, and the next
`make restore` deletes what the interrupted one has written and begins again.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values

from compose.local import checks
from compose.local.backup import archive, databases, release
from compose.local.backup.archive import Manifest
from compose.local.cleaning import WRITTEN
from compose.local.credentials import (
    RESTORING,
    SECRETS,
    database_url,
    draw_secrets,
    environment,
    load_secrets,
    write_private,
    write_secrets,
)
from compose.local.errors import InstallationError
from compose.local.parts import controlplane, postgres
from compose.local.progress import Progress
from compose.local.settings import Settings
from compose.local.startup import Startup

# The tables are not part of a backup: they may still be in place.
LAKE = ("warehouse", "minio")
# Of no account: the lock is held by this command itself.
IGNORED = ("command.lock",)
EXTRACTED = "restored"
# What `make up` remembers of the start before (see settings.py and storage.py). Everything else is computed again; a
# program's path from an archive would be run.
REMEMBERED = ("STORAGE", "WAREHOUSE", "S3_ENDPOINT", "S3_BUCKET", "LAKEHOUSE_GIVEN", "MONITORING", "ALERT_FOR")
# Secrets stand in configuration files as they are.
SECRET = re.compile(r"[A-Za-z0-9_=,.-]{1,400}")
REMEMBERED_VALUE = re.compile(r"[^'\n\r]{0,2000}")
MARGIN_BYTES = 2 * 1024**3


def check(settings: Settings, file: Path, progress: Progress) -> Manifest:
    """Verify a backup without restoring it; gives its manifest. Raises `InstallationError`."""
    with progress.step("Verifying the digest of every file"):
        manifest = archive.verify(file)
    release.refuse_newer(manifest, settings.root)
    return manifest


def refuse_data(data: Path) -> None:
    """Raise `InstallationError` where the data folder holds an installation; the lake alone may be there."""
    if (data / RESTORING).exists() or not data.exists():
        return
    found = sorted(path.name for path in data.iterdir() if path.name not in (*LAKE, *IGNORED))
    if found:
        raise InstallationError(
            f"The data folder {data} is not empty: {', '.join(found[:8])}{', ...' if len(found) > 8 else ''}.",
            "Restore into another LAKEHOUSE_DATA, or remove everything except the tables (warehouse, minio).",
        )


def restore(settings: Settings, file: Path, progress: Progress) -> Manifest:
    """Restore the backup `file` into the empty data folder; gives its manifest. Nothing runs afterwards.

    Raises `InstallationError`, before anything is written where the backup or the folder is not fit for it.
    """
    data = settings.data
    refuse_data(data)
    manifest = check(settings, file, progress)
    checks.disk_has_room(data, 2 * manifest.bytes + MARGIN_BYTES)
    _begin_again(settings)
    write_private(data / RESTORING, f"{manifest.made_at}\n")
    with progress.step("Extracting"):
        archive.extract(file, data / EXTRACTED)
        drawn = _secrets(data / EXTRACTED / archive.SECRETS)
        remembered = _remembered(data / EXTRACTED / archive.ENVIRONMENT)
    # Those that a newer release has are drawn now.
    write_secrets(data, draw_secrets() | drawn, SECRETS)
    try:
        Startup(settings, progress, ["postgres"], restoring=True).run()
        drawn = load_secrets(data)
        if "postgres" in settings.external_parts:
            postgres.create_databases(settings, drawn)
        variables = environment(settings, drawn)
        for name in databases.ORDER:
            with progress.step(f"Database {name}"):
                dump = data / EXTRACTED / "databases" / f"{name}.dump"
                databases.restore(settings, database_url(settings, drawn, name), dump)
        _move_recordings(data / EXTRACTED / "recordings", Path(variables["RECORDINGS"]))
        with progress.step("The control plane's state"):
            _adapt(settings, variables, manifest)
    finally:
        checks.stop_everything(settings)
    if remembered.get("WAREHOUSE") not in (None, variables["WAREHOUSE"]):
        # Elsewhere than by default: it counts as given, so that the next start can be given the same.
        given = {name for name in (*remembered.get("LAKEHOUSE_GIVEN", "").split(","), "WAREHOUSE") if name}
        remembered["LAKEHOUSE_GIVEN"] = ",".join(sorted(given))
    # The addresses of now are written by the next start; it remembers where the tables are.
    write_private(data / "environment", "".join(f"{name}='{value}'\n" for name, value in remembered.items()))
    shutil.rmtree(data / EXTRACTED)
    (data / RESTORING).unlink()
    return manifest


def _begin_again(settings: Settings) -> None:
    """Delete what an interrupted restore has left. Its marker says that nothing else was there."""
    data = settings.data
    if not (data / RESTORING).exists():
        return
    checks.stop_everything(settings)
    for name in WRITTEN:
        path = data / name
        if name in (*LAKE, *IGNORED, RESTORING):
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _secrets(file: Path) -> dict[str, str]:
    """The secrets of the backup, as far as this release has them."""
    try:
        said = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InstallationError(f"The backup's secrets cannot be read: {error}.", archive.ANOTHER) from error
    known = draw_secrets()
    if not isinstance(said, dict):
        raise InstallationError("The backup's secrets are not a JSON object.", archive.ANOTHER)
    for name, secret in said.items():
        if name in known and not (isinstance(secret, str) and SECRET.fullmatch(secret)):
            raise InstallationError(f"The backup's secret {name} contains invalid characters.", archive.ANOTHER)
    return {name: secret for name, secret in said.items() if name in known}


def _remembered(file: Path) -> dict[str, str]:
    said = dotenv_values(file) if file.exists() else {}
    remembered = {name: said[name] or "" for name in REMEMBERED if name in said}
    if unfit := next((name for name, value in remembered.items() if not REMEMBERED_VALUE.fullmatch(value)), None):
        raise InstallationError(f"The backup's {unfit} contains invalid characters.", archive.ANOTHER)
    return remembered


def _move_recordings(extracted: Path, target: Path) -> None:
    if not extracted.exists():
        return
    for file in sorted(extracted.glob("*/*/*")):
        place = target / file.relative_to(extracted)
        archive.private_folder(place.parent)
        # A folder of one's own (RECORDINGS) may have them still: they have their digest as their name.
        if not place.exists():
            shutil.move(file, place)


def _adapt(settings: Settings, variables: Mapping[str, str], manifest: Manifest) -> None:
    """Bring the database to this release, and tell it what a restored installation lacks: Kafka's topic of before."""
    controlplane.manage(settings, variables, "migrate", "--no-input")
    new_topic = ["--new-topic"] if "kafka" not in settings.external_parts else []
    controlplane.manage(settings, variables, "restored", f"--made-at={manifest.made_at}", *new_topic)


def tables_missing(settings: Settings, manifest: Manifest) -> list[str]:
    """Tables of the backup's catalog that are not at their address, as far as this machine can check.

    Tables in a bucket elsewhere can't be looked at before it is reached: `make up` says whether it is.
    """
    return [name for name, table in sorted(manifest.tables.items()) if _is_missing(settings, table.metadata)]


def _is_missing(settings: Settings, location: str) -> bool:
    parts = urlsplit(location)
    if parts.scheme in ("file", ""):
        return not Path(unquote(parts.path)).exists()
    own = settings.data / "minio" / "data" / parts.netloc
    return own.parent.exists() and not (own / parts.path.lstrip("/")).exists()
