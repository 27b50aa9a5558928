"""Locks and stamps: what is installed is not installed again."""

import hashlib
import json
from pathlib import Path

import pytest

from compose.local import bootstrap
from compose.local.errors import InstallationError
from compose.local.install import browser, jars
from compose.local.packages import folder_of
from compose.local.settings import ROOT

LOCK = ROOT / "locks" / "jars.json"


@pytest.mark.parametrize(
    ("file_name", "artifact"),
    [
        ("spark-sql-kafka-0-10_2.13-4.1.1.jar", "spark-sql-kafka-0-10_2.13"),
        ("guava-33.4.8-jre.jar", "guava"),
        ("netty-codec-native-quic-4.2.7.Final-linux-x86_64.jar", "netty-codec-native-quic"),
        ("hive-storage-api-2.8.1.jar", "hive-storage-api"),
        ("log4j-1.2-api-2.24.3.jar", "log4j-1.2-api"),
        ("kafka-clients-3.9.1.jar", "kafka-clients"),
    ],
)
def test_the_artifact_of_a_file_name(file_name: str, artifact: str) -> None:
    assert jars.artifact_name(file_name) == artifact


def test_spark_gets_no_library_twice() -> None:
    brought = {jars.artifact_name(path.name) for path in (folder_of("pyspark") / "jars").glob("*.jar")}
    locked = {entry["coordinate"].split(":")[1] for entry in json.loads(LOCK.read_text())["spark"]}
    assert "iceberg-spark-runtime-4.1_2.13" in locked
    assert locked & brought == set()


def test_archives_that_are_there_are_kept_and_others_go(tmp_path: Path) -> None:
    content = b"an archive"
    lock = tmp_path / "jars.json"
    digest = hashlib.sha256(content).hexdigest()
    lock.write_text(json.dumps({"kafka": [{"coordinate": "org.example:thing:1.0", "sha256": digest}]}))
    folder = tmp_path / "jars"
    assert jars.missing(lock, folder) == ["kafka/thing-1.0.jar"]
    (folder / "kafka").mkdir(parents=True)
    (folder / "kafka" / "thing-1.0.jar").write_bytes(content)
    (folder / "kafka" / "thing-0.9.jar").write_bytes(b"older")
    assert jars.missing(lock, folder) == []
    jars.install(lock, folder)
    assert [path.name for path in (folder / "kafka").iterdir()] == ["thing-1.0.jar"]


@pytest.mark.parametrize(("failures", "kept"), [(2, True), (len(jars.PAUSES_BETWEEN_TRIES) + 1, False)])
def test_a_registry_that_fails_for_a_moment_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, kept: bool
) -> None:
    archive = tmp_path / "thing-1.0.jar"
    tries: list[str] = []

    class Component:
        """What jgo finds: its registry fails so often, then it is there."""

        def __init__(self, **_: object) -> None: ...

        def project(self, *_: str) -> "Component":
            return self

        def at_version(self, _: str) -> "Component":
            return self

        def artifact(self, **_: str) -> "Component":
            return self

        def resolve(self) -> str:
            tries.append("asked")
            if len(tries) <= failures:
                raise ConnectionError("Temporary failure in name resolution")
            archive.write_bytes(b"an archive")
            return str(archive)

    monkeypatch.setattr("jgo.maven.MavenContext", Component)
    monkeypatch.setattr(jars, "PAUSES_BETWEEN_TRIES", (0.0,) * len(jars.PAUSES_BETWEEN_TRIES))
    lock = tmp_path / "jars.json"
    digest = hashlib.sha256(b"an archive").hexdigest()
    lock.write_text(json.dumps({"kafka": [{"coordinate": "org.example:thing:1.0", "sha256": digest}]}))
    if kept:
        jars.install(lock, tmp_path / "jars")
    else:
        with pytest.raises(InstallationError, match=r"org\.example:thing:1\.0 could not be downloaded: Temporary"):
            jars.install(lock, tmp_path / "jars")
    assert jars.missing(lock, tmp_path / "jars") == ([] if kept else ["kafka/thing-1.0.jar"])
    assert len(tries) == min(failures + 1, len(jars.PAUSES_BETWEEN_TRIES) + 1)


def test_a_development_environment_serves_for_the_control_plane_but_not_the_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / "locks").mkdir()
    for lock in ("controlplane", "development", "airflow"):
        (tmp_path / "locks" / f"{lock}.txt").write_text(f"{lock}==1\n")
    (tmp_path / ".venv").mkdir()
    stamp = tmp_path / ".venv" / ".synced"

    def synced(lock: str) -> tuple[bool, bool]:
        digest = hashlib.sha256((tmp_path / "locks" / f"{lock}.txt").read_bytes()).hexdigest()
        stamp.write_text(f"{lock} {digest}\n")
        return bootstrap.is_stale(".venv", "controlplane"), bootstrap.is_stale(".venv", "development")

    assert (bootstrap.is_stale(".venv", "controlplane"), bootstrap.is_stale(".venv", "development")) == (True, True)
    assert synced("controlplane") == (False, True)
    assert synced("development") == (False, False)
    (tmp_path / "locks" / "development.txt").write_text("development==2\n")
    assert (bootstrap.is_stale(".venv", "controlplane"), bootstrap.is_stale(".venv", "development")) == (True, True)


def test_browser_code_is_fetched_once_for_a_lock(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    assert not browser.is_installed(tmp_path)
    (tmp_path / "node_modules").mkdir()
    browser.mark_installed(tmp_path)
    assert browser.is_installed(tmp_path)
    (tmp_path / "package-lock.json").write_text('{"changed": true}')
    assert not browser.is_installed(tmp_path)


def test_the_state_of_static_files_follows_their_content(tmp_path: Path) -> None:
    sheet = tmp_path / "controlplane" / "web" / "static" / "web" / "site.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text("a {}")
    before = browser.static_state(tmp_path, {})
    assert browser.static_state(tmp_path, {}) == before
    sheet.write_text("b {}")
    assert browser.static_state(tmp_path, {}) != before
