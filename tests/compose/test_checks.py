"""What is said, in one line, before anything is started."""

import os
import socket
from pathlib import Path

import pytest

from compose.local import bootstrap, checks
from compose.local.errors import InstallationError
from compose.local.locking import only_one
from compose.local.parts import bi, postgres, redis
from compose.local.settings import load


def test_a_taken_port_names_its_variable_and_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load({"LAKEHOUSE_DATA": str(tmp_path), "REDIS_PORT": str(port)}, root=tmp_path)
        with pytest.raises(InstallationError) as raised:
            checks.ports_are_free([redis.part(settings, {"redis": "x"})])
    said = str(raised.value)
    assert f"Port {port} (REDIS_PORT, Redis) is in use by " in said
    assert f"(process {os.getpid()})" in said
    assert "PORT_OFFSET" in said
    assert "\n" not in said


def test_a_port_on_every_interface_is_taken_too(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - this is what is tested
        settings = load({"REDIS_PORT": str(taken.getsockname()[1])}, root=tmp_path)
        with pytest.raises(InstallationError, match="is in use"):
            checks.ports_are_free([redis.part(settings, {"redis": "x"})])


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (
            0,
            ["Running as root: every service except Redis gets root rights. Use a normal account (see SECURITY.md)."],
        ),
        (1000, []),
    ],
)
def test_root_is_told_what_that_means(
    user: int, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)}, root=tmp_path)
    parts = [redis.part(settings, {"redis": "x"}), bi.part(settings, {"BI_URL": "unix:///x/bi.sock", "PUBLIC_URL": ""})]
    assert checks.about_the_account(parts) == said


def test_a_full_disk(tmp_path: Path) -> None:
    checks.disk_has_room(tmp_path / "not" / "there" / "yet", needed_bytes=1)
    with pytest.raises(InstallationError, match=r"^The disk of .* has [\d.]+ GiB free; .* GiB are needed\. Free"):
        checks.disk_has_room(tmp_path, needed_bytes=2**60)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    said = rf"^`make up` \(process {os.getpid()}\) is already working on this installation\."
    with only_one(tmp_path, "up"), pytest.raises(InstallationError, match=said), only_one(tmp_path, "down"):
        pytest.fail("two commands at once")
    with only_one(tmp_path, "down"):
        pass


def _java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("reported", "version"), [("17.0.15", 17), ("21", 21), ("1.8.0_402", 8), ("25-ea", 25), ("11.0.2", 11)]
)
def test_the_version_of_java(tmp_path: Path, reported: str, version: int) -> None:
    assert bootstrap.java_version(str(_java(tmp_path, reported))) == version
    assert bootstrap.java_version(str(tmp_path / "absent")) == 0


def test_missing_and_old_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "JAVA_FOLDER", tmp_path / "none")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(InstallationError, match=r"^Java is missing: .*Install it .* and run this again\.$"):
        bootstrap.check_java()
    _java(tmp_path / "old", "11.0.2")
    monkeypatch.setenv("PATH", str(tmp_path / "old" / "bin"))
    with pytest.raises(InstallationError, match=r"^Java 11 is too old: "):
        bootstrap.check_java()
    _java(tmp_path / "new", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "new"))
    bootstrap.check_java()


def test_a_database_that_does_not_answer_is_said_in_a_line() -> None:
    with pytest.raises(InstallationError) as raised:
        postgres.make_databases("postgresql://someone:secret@127.0.0.1:1/postgres", {}, with_roles=False)
    assert "PostgreSQL does not respond: " in raised.value.message
    assert "DATABASE_URL" in raised.value.remedy
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
