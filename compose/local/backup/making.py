"""`make backup`: one archive of an installation, running or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from dotenv import dotenv_values

from compose.local import checks
from compose.local.backup import archive, databases, release
from compose.local.backup.archive import LakeTable, Manifest
from compose.local.backup.databases import Snapshot
from compose.local.credentials import (
    CATALOG,
    NEXT_SECRETS,
    RESTORING,
    SECRETS,
    environment,
    load_secrets,
    write_private,
)
from compose.local.errors import InstallationError
from compose.local.parts.postgres import NEWEST
from compose.local.progress import Progress
from compose.local.settings import Settings
from compose.local.startup import Startup
from compose.local.supervision import Supervisor

# What is collected for the archive, in the data folder: it holds secrets, and recordings are linked and not copied.
UNFINISHED = "backup.unfinished"
MARGIN_BYTES = 256 * 1024**2


def back_up(settings: Settings, target: Path | None, progress: Progress) -> tuple[Path, Manifest]:
    """Write a backup to `target`, by default `backups/` beside the data folder; gives its path and manifest.

    PostgreSQL is started for it where the installation is stopped, and nothing else is started or stopped.
    Raises `InstallationError`; an archive that exists is complete.
    """
    if not (settings.data / SECRETS).exists():
        raise InstallationError("This data folder has no installation to back up.", "Run `make up` first.")
    for marker, command in ((NEXT_SECRETS, "make rotate-secrets"), (RESTORING, "make restore FILE=...")):
        if (settings.data / marker).exists():
            raise InstallationError(f"`{command}` was interrupted.", f"Complete it: `{command}`.")
    target = _target(settings, target)
    work = settings.data / UNFINISHED
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    partial = target.with_name(target.name + ".part")
    partial.unlink(missing_ok=True)
    embedded = "postgres" not in settings.external_parts
    # Before Startup writes the environment again: a backup holds it as the programs have it.
    files = _settings_files(settings, work)
    started = embedded and not Supervisor(settings).is_running()
    try:
        if started:
            Startup(settings, progress, ["postgres"]).run()
        manifest = _collected(settings, work, files, progress)
        with progress.step("Writing the archive"):
            checks.disk_has_room(target.parent, manifest.bytes + MARGIN_BYTES)
            archive.write(partial, manifest, files)
        with progress.step("Verifying the archive"):
            archive.verify(partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
        shutil.rmtree(work, ignore_errors=True)
        if started:
            checks.stop_everything(settings)
    return target, manifest


def _target(settings: Settings, target: Path | None) -> Path:
    if target is None:
        folder = settings.data.parent / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"{settings.data.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    if target.exists() or target.is_symlink():
        raise InstallationError(f"{target} already exists.", "Choose another FILE, or delete the existing file.")
    if not target.parent.is_dir():
        raise InstallationError(
            f"The folder {target.parent} does not exist.", "Create the folder, or choose another FILE."
        )
    return target


def _settings_files(settings: Settings, work: Path) -> dict[str, Path]:
    """The files of the data folder that cannot be derived: the secrets, and the settings of the last start."""
    files = {}
    for name in (archive.SECRETS, archive.ENVIRONMENT):
        there = settings.data / Path(name).name
        if there.exists():
            files[name] = work / there.name
            write_private(files[name], there.read_text())
    return files


def _collected(settings: Settings, work: Path, files: dict[str, Path], progress: Progress) -> Manifest:
    """Put everything into `work` and its names into `files`; gives the manifest of all of it."""
    drawn = load_secrets(settings.data)
    variables = environment(settings, drawn)
    recordings = Path(variables["RECORDINGS"])
    with progress.step("Recordings"):
        _link_recordings(recordings, work, files)
    with databases.snapshots(settings, drawn) as taken:
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        migrations = _migrations(taken["controlplane"])
        for name, snapshot in taken.items():
            with progress.step(f"Database {name}"):
                file = work / f"{name}.dump"
                databases.dump(settings, snapshot, file)
                databases.check(settings, file)
                files[f"databases/{name}.dump"] = file
        with progress.step("List of tables"):
            tables = _tables(taken[CATALOG], variables)
        runs = _runs_in_progress(taken["controlplane"])
    # Once more: a recording that came in before the snapshot, after the first look, is in the database's rows.
    _link_recordings(recordings, work, files)
    said = dotenv_values(files[archive.ENVIRONMENT]) if archive.ENVIRONMENT in files else {}
    given = [name for name in (said.get("LAKEHOUSE_GIVEN") or "").split(",") if name]
    with progress.step("Digests"):
        return Manifest(
            format=archive.FORMAT,
            version=release.version(settings.root),
            made_at=made_at,
            postgres=NEWEST,
            airflow=release.airflow_version(settings.root),
            migrations=migrations,
            storage=variables["STORAGE"],
            warehouse=variables["WAREHOUSE"],
            given=given,
            tables=tables,
            runs_in_progress=runs,
            members=archive.describe(files),
        )


def _link_recordings(folder: Path, work: Path, files: dict[str, Path]) -> None:
    """Add every recording that isn't there yet. Their files are written once and have the digest as their name."""
    # An upload that is under way has another name: two folders of digests lead to what is complete.
    for file in sorted(folder.glob("*/*/*")):
        name = f"recordings/{file.relative_to(folder).as_posix()}"
        if name in files or not file.is_file() or file.is_symlink() or not archive.MEMBER.fullmatch(name):
            continue
        target = work / name
        archive.private_folder(target.parent)
        try:
            os.link(file, target)
        except FileNotFoundError:
            continue
        except OSError:
            shutil.copyfile(file, target)
        files[name] = target


def _migrations(snapshot: Snapshot) -> dict[str, str]:
    there = snapshot.transaction.execute("SELECT to_regclass('public.django_migrations') IS NOT NULL").fetchone()
    if there != (True,):
        raise InstallationError("The control plane's database is empty.", "Run `make up` first.")
    rows = snapshot.transaction.execute("SELECT app, max(name) FROM django_migrations GROUP BY app").fetchall()
    return {str(app): str(name) for app, name in rows if _is_ours(str(app))}


def _is_ours(app: str) -> bool:
    return (Path(__file__).resolve().parents[3] / "controlplane" / app / "migrations").is_dir()


def _runs_in_progress(snapshot: Snapshot) -> int:
    row = snapshot.transaction.execute(
        "SELECT count(*) FROM scenarios_scenariorun WHERE state IN ('waiting', 'running') AND started_at IS NOT NULL"
    ).fetchone()
    assert row is not None, "a count gives one row"
    return int(row[0])


def _tables(snapshot: Snapshot, variables: Mapping[str, str]) -> dict[str, LakeTable]:
    """The tables in the catalog of the snapshot, with their row counts if the tables are readable."""
    there = snapshot.transaction.execute("SELECT to_regclass('public.iceberg_tables') IS NOT NULL").fetchone()
    if there != (True,):
        return {}
    rows = snapshot.transaction.execute(
        "SELECT table_namespace, table_name, metadata_location FROM iceberg_tables WHERE metadata_location IS NOT NULL"
    ).fetchall()
    return {
        f"{namespace}.{name}": LakeTable(metadata=location, rows=_rows(location, variables))
        for namespace, name, location in sorted(rows)
    }


def _rows(location: str, variables: Mapping[str, str]) -> int | None:
    from pyiceberg.table import StaticTable

    from spark_jobs.object_store import object_store

    store = object_store(variables)
    try:
        table = StaticTable.from_metadata(location, store.page_properties() if store else {})
    except Exception:
        # pyiceberg and pyarrow raise errors without a common class. A backup doesn't need the lake.
        return None
    snapshot = table.current_snapshot()
    if snapshot is None:
        return 0
    count = snapshot.summary.get("total-records") if snapshot.summary else None
    return int(count) if count is not None else None
