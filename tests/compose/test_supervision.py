"""What is written for supervisord, and what is found when it is gone."""

import configparser
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from compose.local import orphans, processes
from compose.local.credentials import environment, load_secrets
from compose.local.errors import InstallationError
from compose.local.parts.all import NAMES, parts_of
from compose.local.settings import load
from compose.local.sockets import private_folder, socket_path
from compose.local.supervision import supervisor_socket, write_configuration


@pytest.fixture
def written(tmp_path: Path) -> configparser.RawConfigParser:
    # With every part that there is.
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio"})
    drawn = load_secrets(tmp_path)
    parts = parts_of(settings, environment(settings, drawn), drawn)
    parser = configparser.RawConfigParser()
    parser.read(write_configuration(settings, parts))
    return parser


def test_every_part_is_supervised_and_restarted(written: configparser.RawConfigParser) -> None:
    programs = {name.removeprefix("program:") for name in written.sections() if name.startswith("program:")}
    assert programs == set(NAMES)
    assert {written[f"program:{name}"]["autorestart"] for name in programs} == {"true"}
    assert {written[f"program:{name}"]["stdout_logfile"].rpartition("/")[2] for name in programs} == {
        f"{name}.log" for name in programs
    }


def test_no_secret_is_on_a_command_line(written: configparser.RawConfigParser, tmp_path: Path) -> None:
    secrets = load_secrets(tmp_path).values()
    commands = [written[name]["command"] for name in written.sections() if "command" in written[name]]
    assert len(commands) == len(NAMES) + 1
    assert [secret for secret in secrets for command in commands if secret in command] == []


def test_only_the_owner_reads_the_configuration(written: configparser.RawConfigParser, tmp_path: Path) -> None:
    assert (tmp_path / "supervisord.conf").stat().st_mode & 0o777 == 0o600
    assert written["unix_http_server"]["chmod"] == "0700"


def test_a_changed_file_changes_the_section_of_the_part_that_reads_it(tmp_path: Path) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path)})
    drawn = load_secrets(tmp_path)
    stores = ("postgres", "redis", "kafka")
    parts = [part for part in parts_of(settings, environment(settings, drawn), drawn) if part.name in stores]

    def sections() -> dict[str, str]:
        text = write_configuration(settings, parts).read_text()
        return dict(re.findall(r"^\[program:(.*?)\]\n(.*?)(?=^\[|\Z)", text, flags=re.MULTILINE | re.DOTALL))

    before = sections()
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "redis.conf").write_text("port 1\n")
    after = sections()
    assert [name for name in stores if before[name] != after[name]] == ["redis"]


def test_a_long_data_folder_gets_a_socket_that_fits(tmp_path: Path) -> None:
    assert socket_path(Path("/srv/data/bi/bi.sock")) == Path("/srv/data/bi/bi.sock")
    far = tmp_path / ("x" * 120) / "supervisor.sock"
    socket = socket_path(far)
    assert len(str(socket)) < 100
    assert socket.name == far.name
    assert socket_path(far) == socket
    assert socket_path(tmp_path / ("y" * 120) / "supervisor.sock") != socket


def test_the_supervisors_socket_lies_in_a_folder_of_our_own(tmp_path: Path) -> None:
    assert supervisor_socket(tmp_path) == tmp_path / "supervisor.sock"
    folder = supervisor_socket(tmp_path / ("x" * 120)).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(InstallationError, match="belongs to another user"):
            supervisor_socket(tmp_path / ("x" * 120))
    finally:
        folder.unlink()


def test_the_folder_of_a_socket_is_closed_to_other_accounts(tmp_path: Path) -> None:
    folder = tmp_path / "bi"
    folder.mkdir(mode=0o755)
    private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InstallationError, match="belongs to another user"):
        private_folder(tmp_path / "link")


@pytest.fixture
def left_over(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A marked process with a child, whose parent is nobody that we know: as after the death of a supervisor."""
    data = tmp_path / "data"
    data.mkdir()
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(300)'])"
    started = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, processes.MARK: str(data)}, start_new_session=True
    )
    while not psutil.Process(started.pid).children():
        time.sleep(0.02)
    yield data, started.pid
    for process in processes.of_installation(data):
        process.kill()
    started.wait()


def test_processes_are_known_by_their_mark(left_over: tuple[Path, int], tmp_path: Path) -> None:
    data, pid = left_over
    family = {pid, *(child.pid for child in psutil.Process(pid).children())}
    assert {process.pid for process in processes.of_installation(data)} == family
    assert processes.of_installation(tmp_path / "another") == []


def test_orphans_are_those_that_do_not_descend_from_the_supervisor(left_over: tuple[Path, int]) -> None:
    data, pid = left_over
    assert orphans.orphans(data, psutil.Process()) == []
    (child,) = psutil.Process(pid).children()
    assert {process.pid for process in orphans.orphans(data, child)} == {pid}


def test_what_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('', flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        processes.end([psutil.Process(started.pid)], patience_seconds=0.2)
        assert not psutil.pid_exists(started.pid)
