"""Backups: what is refused before anything is written, and a restore of the databases into an empty folder."""

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from compose.local import checks
from compose.local.backup import archive, release, restoring
from compose.local.backup.archive import Manifest
from compose.local.cleaning import WRITTEN
from compose.local.credentials import HOST_NAMES, NEXT_SECRETS, RESTORING, database_url, load_secrets
from compose.local.errors import InstallationError
from compose.local.parts import controlplane
from compose.local.progress import Progress
from compose.local.settings import ROOT, load
from tests.compose.commands import Installation

CONTENT = {
    "databases/lake.dump": b"the catalogue " * 1000,
    "files/secrets.json": b"{}",
    "recordings/ab/abcd/file": b"event_time,event_type\n",
}


def _described(**changes: Any) -> dict[str, Any]:
    members = {
        name: {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()} for name, text in sorted(CONTENT.items())
    }
    return {
        "format": 1,
        "version": "0.1.0",
        "made_at": "2026-11-29T10:00:00+00:00",
        "postgres": 18,
        "airflow": release.airflow_version(ROOT),
        "migrations": {},
        "storage": "folder",
        "warehouse": "file:///var/warehouse",
        "given": [],
        "tables": {},
        "runs_in_progress": 0,
        "members": members,
        **changes,
    }


def _archive(
    path: Path,
    manifest: dict[str, Any] | None = None,
    change: Callable[[dict[str, tuple[tarfile.TarInfo, bytes]]], None] = lambda _: None,
) -> Path:
    """An archive put together by hand, so that anything can be wrong with it."""
    members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    for name, text in sorted(CONTENT.items()):
        members[name] = (tarfile.TarInfo(name), text)
    change(members)
    said = json.dumps(manifest or _described()).encode()
    with tarfile.open(path, "w") as file:
        for header, text in [(tarfile.TarInfo("manifest.json"), said), *members.values()]:
            header.size = len(text)
            file.addfile(header, io.BytesIO(text))
    return path


def test_what_is_written_is_extracted(tmp_path: Path) -> None:
    files = {}
    for name, text in CONTENT.items():
        files[name] = tmp_path / name.replace("/", "-")
        files[name].write_bytes(text)
    manifest = Manifest.model_validate(_described(members=archive.describe(files)))
    archive.write(tmp_path / "backup.tar", manifest, files)
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600
    assert archive.verify(tmp_path / "backup.tar") == manifest
    archive.extract(tmp_path / "backup.tar", tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*")}
    assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == CONTENT
    assert {path.stat().st_mode & 0o077 for path in found.values()} == {0}


def _tampered(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
    header, text = members["databases/lake.dump"]
    members["databases/lake.dump"] = (header, text[:-1] + b"!")


def _longer(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
    header, text = members["files/secrets.json"]
    members["files/secrets.json"] = (header, text + b" " * 10)


def _dropped(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
    del members["recordings/ab/abcd/file"]


def _added(name: str) -> Callable[[dict[str, tuple[tarfile.TarInfo, bytes]]], None]:
    return lambda members: members.update({"more": (tarfile.TarInfo(name), b"more")})


def _linked(kind: bytes) -> Callable[[dict[str, tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
        header = tarfile.TarInfo("files/secrets.json")
        header.type, header.linkname = kind, "/etc/passwd"
        members["files/secrets.json"] = (header, b"")

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_tampered, "databases/lake.dump does not match its digest"),
        (_longer, "files/secrets.json has 12 bytes; the manifest says 2"),
        (_dropped, "is incomplete: recordings/ab/abcd/file is missing"),
        (_added("../outside"), "'../outside' is not in the manifest"),
        (_added("/etc/cron.d/more"), "'/etc/cron.d/more' is not in the manifest"),
        (_added("files/secrets.json"), "'files/secrets.json' is not in the manifest, or is listed twice"),
        (_linked(tarfile.SYMTYPE), "files/secrets.json is a link or a special file"),
        (_linked(tarfile.LNKTYPE), "files/secrets.json is a link or a special file"),
        (_linked(tarfile.FIFOTYPE), "files/secrets.json is a link or a special file"),
    ],
)
def test_an_archive_that_differs_from_its_manifest_is_refused(
    tmp_path: Path, change: Callable[[dict[str, tuple[tarfile.TarInfo, bytes]]], None], said: str
) -> None:
    made = _archive(tmp_path / "backup.tar", change=change)
    for read in (archive.verify, lambda path: archive.extract(path, tmp_path / "out" / "restored")):
        (tmp_path / "out").mkdir(exist_ok=True)
        with pytest.raises(InstallationError) as refused:
            read(made)
        assert said in str(refused.value)
    assert not (tmp_path / "outside").exists()
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "files/../../outside",
        "/etc/passwd",
        "files/.hidden",
        "files//a",
        "more/file",
        "files",
        "files/a\n",
    ],
)
def test_a_manifest_can_not_name_a_place_outside(tmp_path: Path, name: str) -> None:
    member = {"size": 4, "sha256": hashlib.sha256(b"more").hexdigest()}
    made = _archive(tmp_path / "backup.tar", _described(members={name: member}), _added(name))
    with pytest.raises(InstallationError) as refused:
        archive.verify(made)
    assert f"contains an unknown member: {name!r}" in str(refused.value)


@pytest.mark.parametrize("kept", [0, 100, 600, 5_000, 14_000])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    made = _archive(tmp_path / "backup.tar")
    os.truncate(made, kept)
    with pytest.raises(InstallationError):
        archive.verify(made)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "has format 2; this release reads format 1"),
        ({"version": "latest"}, "is invalid: version"),
        ({"members": {"files/a": {"size": -1, "sha256": "0" * 64}}}, "is invalid: members.files/a.size"),
        ({"more": 1}, "is invalid: more"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InstallationError) as refused:
        archive.read_manifest(_archive(tmp_path / "backup.tar", _described(**changes)))
    assert said in str(refused.value)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not an archive " * 100)
    with tarfile.open(tmp_path / "another.tar", "w") as file:
        file.addfile(tarfile.TarInfo("readme"), io.BytesIO())
    for path, said in (
        (tmp_path / "text", "cannot be read as a backup"),
        (tmp_path / "another.tar", "the manifest is missing"),
        (tmp_path / "missing.tar", "does not exist"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(InstallationError) as refused:
            archive.verify(path)
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "99.0.0"}, "The backup was created with release 99.0.0; this release has"),
        ({"airflow": "99.1"}, "The backup was created with Airflow 99.1"),
        ({"postgres": 99}, "The backup was created with PostgreSQL 99"),
        ({"migrations": {"accounts": "9999_later"}}, "The backup has the migration 9999_later of accounts"),
        ({"migrations": {"later": "0001_initial"}}, "The backup has the migration 0001_initial of later"),
    ],
)
def test_a_backup_of_a_newer_release_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InstallationError) as refused:
        release.refuse_newer(Manifest.model_validate(_described(**changes)), ROOT)
    assert said in str(refused.value)
    release.refuse_newer(Manifest.model_validate(_described(migrations={"accounts": "0001_initial"})), ROOT)


def test_a_folder_with_an_installation_is_refused_and_one_with_the_lake_is_not(tmp_path: Path) -> None:
    for name in ("warehouse", "minio"):
        (tmp_path / name).mkdir()
    (tmp_path / "command.lock").touch()
    restoring.refuse_data(tmp_path)
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(InstallationError) as refused:
        restoring.refuse_data(tmp_path)
    assert f"{tmp_path} is not empty: checkpoints, secrets.json." in str(refused.value)
    (tmp_path / RESTORING).touch()
    restoring.refuse_data(tmp_path)


def test_a_secret_can_not_write_a_line_of_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"redis": "fine_-1", "of_another_release": "anything\n"}))
    assert restoring._secrets(file) == {"redis": "fine_-1"}
    file.write_text(json.dumps({"redis": "x\nrename-command AUTH"}))
    with pytest.raises(InstallationError) as refused:
        restoring._secrets(file)
    assert "secret redis contains invalid characters" in str(refused.value)


def test_what_is_remembered_names_no_program(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("WAREHOUSE='file:///x'\nSTORAGE='folder'\nPROMETHEUS_BINARY='/tmp/x'\nREDIS_URL='redis://x'\n")
    assert restoring._remembered(file) == {"STORAGE": "folder", "WAREHOUSE": "file:///x"}


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not below pytest's own folder: PostgreSQL's user has to get there.
    with tempfile.TemporaryDirectory(prefix="lakehouse-backup-") as made:
        yield Path(made)


@pytest.fixture
def source(folder: Path) -> Iterator[Installation]:
    made = Installation(folder / "source")
    try:
        up = made.up("postgres")
        assert up.returncode == 0, up.stdout + up.stderr
        yield made
    finally:
        checks.stop_everything(made.settings, patience_seconds=20)


def _query(installation: Installation, database: str, statement: str) -> list[tuple[Any, ...]]:
    settings = installation.settings
    with psycopg.connect(database_url(settings, load_secrets(settings.data), database)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_databases_secrets_and_recordings_come_back(source: Installation, folder: Path) -> None:
    data = source.settings.data
    empty = source.run("backup", "--file", str(folder / "early.tar"))
    assert (empty.returncode, "The control plane's database is empty." in empty.stderr) == (1, True)
    secrets = load_secrets(data)
    variables = {line.split("=", 1)[0]: line.split("=", 1)[1].strip("'") for line in _lines(data / "environment")}
    controlplane.manage(source.settings, variables, "migrate", "--no-input")
    _query(source, "airflow", "CREATE TABLE dag_run AS SELECT 7 AS id")
    _query(source, "lake", "CREATE TABLE iceberg_tables AS SELECT 'bronze' AS table_namespace, 'events' AS table_name, "
           f"'file://{data}/warehouse/bronze/events/metadata/1.metadata.json' AS metadata_location")  # fmt: skip
    recording = data / "recordings" / "ab" / ("ab" * 32) / "file"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"event_time\n")
    (data / "recordings" / "incoming-x").write_bytes(b"half")

    made = source.run("backup")
    assert made.returncode == 0, made.stdout + made.stderr
    (file,) = (folder / "backups").iterdir()
    assert (file.stat().st_mode & 0o777, (folder / "backups").stat().st_mode & 0o777) == (0o600, 0o700)
    assert not any(secret in made.stdout + made.stderr for name, secret in secrets.items() if name not in HOST_NAMES)
    assert {"postgres"} == set(source.pids())
    again = source.run("backup", "--file", str(file))
    assert (again.returncode, f"{file} already exists." in again.stderr) == (1, True)
    assert sorted(archive.read_manifest(file).members) == [
        *("databases/airflow.dump", "databases/controlplane.dump", "databases/lake.dump"),
        *("files/environment", "files/secrets.json", f"recordings/ab/{'ab' * 32}/file"),
    ]
    refused = source.run("restore", "--file", str(file))
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)

    target = Installation(folder / "target")
    verified = target.run("backup-verify", "--file", str(file))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    _interrupted(target, file)
    restored = target.run("restore", "--file", str(file))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert f"Missing tables: bronze.events. They are not in file://{data}/warehouse." in restored.stdout
    left = {path.name for path in target.settings.data.iterdir()}
    assert left & {RESTORING, restoring.EXTRACTED, NEXT_SECRETS, "stale"} == {"stale"}
    assert left - {"stale"} <= set(WRITTEN)
    assert target.processes() == []
    assert load_secrets(target.settings.data) == secrets
    assert (target.settings.data / "recordings" / "ab" / ("ab" * 32) / "file").read_bytes() == b"event_time\n"
    moved = target.up("postgres")
    assert (moved.returncode, f"The tables of this installation are in file://{data}/warehouse" in moved.stderr) == (
        1,
        True,
    )
    up = target.run("up", "--only", "postgres", WAREHOUSE=f"file://{data}/warehouse")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert _query(target, "airflow", "SELECT id FROM dag_run") == [(7,)]
        assert _query(target, "controlplane", "SELECT actor_name, action FROM accounts_auditentry") == [
            ("make restore", "installation.restore")
        ]
        assert _query(
            target, "controlplane", "SELECT may_reset_checkpoint, checkpoint_number > 0 FROM streaming_stream"
        ) == [(True, True)]
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert {name: _query(target, name, owners) for name in ("controlplane", "airflow", "lake")} == {
            name: [(name,)] for name in ("controlplane", "airflow", "lake")
        }
    finally:
        checks.stop_everything(target.settings, patience_seconds=20)


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line]


def _interrupted(target: Installation, file: Path) -> None:
    """A restore that ended half way: `make up` starts nothing, and another restore begins again."""
    data = target.settings.data
    data.mkdir(mode=0o700)
    (data / RESTORING).write_text("2026-11-29T10:00:00+00:00\n")
    (data / "stale").write_text("not of this program")
    (data / "secrets.json").write_text(json.dumps({"redis": "half"}))
    (data / restoring.EXTRACTED / "databases").mkdir(parents=True)
    up = target.up("postgres")
    assert (up.returncode, "make restore FILE=" in up.stderr) == (1, True)
    assert target.processes() == []


def test_a_verification_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(InstallationError):
        restoring.check(load({"LAKEHOUSE_DATA": str(tmp_path)}, root=ROOT), tmp_path / "none.tar", Progress())
