"""As root, services that need only their own folder run as an account without root's rights; a real installation."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from compose.local import checks, service_account
from compose.local.credentials import load_secrets
from compose.local.private_files import make_private_folder, write_private_bytes
from tests.compose.commands import Installation
from tests.strangers.asking import NOBODY

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="Only root starts services as another account.")
# An append-only file of Redis 6.2.14 after BGREWRITEAOF, with the list `control` (a, b) and the hash `unacked` (t: x).
BY_REDIS_6_2 = (
    b"REDIS0009\xfa\tredis-ver\x066.2.14\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\x97o\rk\xfa\x08used-mem\xc2\xd0\xb9\x06\x00"
    b"\xfa\x0caof-preamble\xc0\x01\xfe\x00\xfb\x02\x00\x0e\x07control\x01\x11\x11\x00\x00\x00\r\x00\x00\x00\x02\x00\x00"
    b"\x01a\x03\x01b\xff\r\x07unacked\x11\x11\x00\x00\x00\r\x00\x00\x00\x02\x00\x00\x01t\x03\x01x\xff\xff"
    b"M\xbdF\x18rQ\x05\x1b"
)


@pytest.fixture
def made() -> Iterator[Installation]:
    """An installation that has not been started; its folder is not below pytest's own, which is closed to others."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-account-") as folder:
        one = Installation(Path(folder) / "data")
        yield one
        checks.stop_everything(one.settings, patience_seconds=20)


def _up(made: Installation, parts: str) -> str:
    done = made.up(parts)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


@ROOT_ONLY
def test_services_of_a_new_installation_run_without_roots_rights(made: Installation) -> None:
    said = _up(made, "redis,kafka")
    (line,) = (line for line in said.splitlines() if line.startswith("Running as root"))
    assert "every service except PostgreSQL, Redis, Kafka gets root rights." in line
    account = pwd.getpwnam(service_account.SERVICES)
    for part in ("redis", "kafka"):
        folder = made.settings.data / part
        assert _owners(folder) == {account.pw_uid}, part
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert made.uids() == {"redis": {account.pw_uid}, "kafka": {account.pw_uid}}
    before = made.pids()
    readable = subprocess.run(
        ["/usr/bin/find", str(made.settings.data), "-type", "f", "-readable"],
        user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert readable.stdout == ""
    # Nothing has changed: nothing is restarted.
    _up(made, "redis,kafka")
    assert made.pids() == before


def test_a_folder_that_redis_6_2_and_root_have_written_is_taken_over(made: Installation) -> None:
    folder = made.settings.data / "redis"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "appendonly.aof").write_bytes(BY_REDIS_6_2)
    _up(made, "redis")
    owner = pwd.getpwnam(service_account.SERVICES).pw_uid if os.geteuid() == 0 else os.geteuid()
    address = f"redis://:{load_secrets(made.settings.data)['redis']}@127.0.0.1:{made.settings.port('REDIS_PORT')}/0"
    with redis.Redis.from_url(address, decode_responses=True) as client:
        assert client.lrange("control", 0, -1) == ["a", "b"]
        assert client.hgetall("unacked") == {"t": "x"}
        client.rpush("control", "c")
    assert _owners(folder) == {owner}
    assert made.run("down").returncode == 0
    _up(made, "redis")
    with redis.Redis.from_url(address, decode_responses=True) as client:
        assert client.lrange("control", 0, -1) == ["a", "b", "c"]


@ROOT_ONLY
def test_kafkas_folder_of_before_is_taken_over(made: Installation) -> None:
    _up(made, "kafka")
    identity = (made.settings.data / "kafka" / "data" / "meta.properties").read_text()
    assert made.run("down").returncode == 0
    subprocess.run(["/bin/chown", "-R", "root:root", str(made.settings.data / "kafka")], check=True)
    _up(made, "kafka")
    account = pwd.getpwnam(service_account.SERVICES)
    assert _owners(made.settings.data / "kafka") == {account.pw_uid}
    assert made.uids() == {"kafka": {account.pw_uid}}
    assert (made.settings.data / "kafka" / "data" / "meta.properties").read_text() == identity


@ROOT_ONLY
def test_files_that_root_writes_belong_to_the_owner_of_their_folder(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "of-root"
    make_private_folder(folder)
    (folder / "before").mkdir()
    (folder / "before" / "file").write_text("x")
    elsewhere.write_text("x")
    (folder / "link").symlink_to(elsewhere)
    service_account.hand_over([folder], service_account.SERVICES)
    account = pwd.getpwnam(service_account.SERVICES)
    make_private_folder(folder / "inside")
    write_private_bytes(folder / "inside" / "secret", b"x")
    assert _owners(folder) == {account.pw_uid}
    assert stat.S_IMODE((folder / "inside" / "secret").stat().st_mode) == 0o600
    assert elsewhere.stat().st_uid == 0


@ROOT_ONLY
def test_a_folder_of_the_account_is_not_handed_over_again(tmp_path: Path) -> None:
    """The account could place a link to a file of root there."""
    folder = tmp_path / "folder"
    make_private_folder(folder)
    service_account.hand_over([folder], service_account.SERVICES)
    (folder / "of-root").write_text("x")
    service_account.hand_over([folder], service_account.SERVICES)
    assert (folder / "of-root").stat().st_uid == 0


def test_an_ordinary_user_starts_every_service_as_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert service_account.name_of(service_account.SERVICES) == ""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    service_account.make_reachable(closed / "program")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    shutil.rmtree(closed)


@ROOT_ONLY
def test_a_rotation_leaves_the_owners_as_they_are(made: Installation) -> None:
    _up(made, "postgres,redis,kafka")
    old = load_secrets(made.settings.data)["redis"]
    rotated = made.run("rotate-secrets")
    assert rotated.returncode == 0, rotated.stdout + rotated.stderr
    new = load_secrets(made.settings.data)["redis"]
    assert new != old
    place = f"127.0.0.1:{made.settings.port('REDIS_PORT')}/0"
    with redis.Redis.from_url(f"redis://:{new}@{place}") as client:
        assert client.ping()
    with redis.Redis.from_url(f"redis://:{old}@{place}") as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    account = pwd.getpwnam(service_account.SERVICES)
    assert _owners(made.settings.data / "redis") | _owners(made.settings.data / "kafka") == {account.pw_uid}
    assert made.uids() | {"postgres": set()} == {
        "postgres": set(),
        "redis": {account.pw_uid},
        "kafka": {account.pw_uid},
    }
