"""The commands themselves, on an installation of one or two small parts: up in a second, and like any other."""

import json
import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from compose.local import checks, cli
from compose.local.bootstrap import TESTING
from compose.local.settings import ROOT
from compose.local.supervision import Supervisor
from tests.compose.commands import Installation
from tests.waiting import wait_for


@pytest.fixture
def installation() -> Iterator[Installation]:
    # Not below pytest's own folder: every session closes that to other users again, PostgreSQL's among them.
    with tempfile.TemporaryDirectory(prefix="lakehouse-commands-") as folder:
        made = Installation(Path(folder) / "data")
        yield made
        checks.stop_everything(made.settings, patience_seconds=20)


@pytest.fixture
def running(installation: Installation) -> Installation:
    done = installation.up()
    assert done.returncode == 0, done.stdout + done.stderr
    return installation


@pytest.fixture
def running_two(installation: Installation) -> Installation:
    done = installation.up("postgres,redis")
    assert done.returncode == 0, done.stdout + done.stderr
    return installation


def test_up_again_changes_nothing_and_down_leaves_nothing(running_two: Installation) -> None:
    before = running_two.pids()
    assert set(before) == {"postgres", "redis"}
    again = running_two.up("postgres,redis")
    assert (again.returncode, running_two.pids()) == (0, before)
    down = running_two.run("down")
    assert (down.returncode, running_two.processes()) == (0, [])
    assert re.search(r"Stopped \d+ processes\.", down.stdout)
    assert "Nothing was running" in running_two.run("down").stdout


def test_what_was_kept_is_there_after_the_next_start(running_two: Installation) -> None:
    secrets = (running_two.settings.data / "secrets.json").read_text()
    assert running_two.run("down").returncode == 0
    again = running_two.up("postgres,redis")
    assert again.returncode == 0, again.stdout + again.stderr
    assert (running_two.settings.data / "secrets.json").read_text() == secrets


def test_status_tells_other_programs_too(running: Installation) -> None:
    told = {state["part"]: state for state in json.loads(running.run("status", "--json").stdout)}
    assert {name for name, state in told.items() if state["state"] == "healthy"} == {"redis"}
    assert {state["state"] for name, state in told.items() if name != "redis"} == {"stopped"}
    assert told["redis"]["pid"] == running.pids()["redis"]
    assert told["redis"]["resident_bytes"] > 1_000_000


def test_no_password_is_printed(running: Installation) -> None:
    drawn = json.loads((running.settings.data / "secrets.json").read_text())
    said = running.up().stdout + running.run("status").stdout + running.run("logs").stdout
    assert "credentials.json" in said
    # The host names of pages are told: whoever runs `make up` opens them.
    assert [name for name, secret in drawn.items() if secret in said] == ["own_name", "airflow_name"]


def test_a_taken_port_is_one_line_and_nothing_is_started(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", int(installation.environ["REDIS_PORT"]))):
        refused = installation.up()
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"make up: Port {installation.environ['REDIS_PORT']} (REDIS_PORT, Redis) is in use by ")
    assert installation.processes() == []


def test_a_part_that_does_not_start_takes_the_others_down_with_it(running_two: Installation) -> None:
    assert running_two.run("down").returncode == 0
    (running_two.settings.data / "postgres" / "global" / "pg_control").write_bytes(b"")
    refused = running_two.up("postgres,redis")
    assert refused.returncode == 1
    assert refused.stderr.startswith("make up: PostgreSQL did not start: ")
    assert "pg_control" in refused.stderr
    assert running_two.processes() == []


def test_a_second_command_beside_the_first_is_one_line(running: Installation) -> None:
    with (running.settings.data / "command.lock").open("a+") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        refused = running.up()
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.endswith("or use another LAKEHOUSE_DATA and PORT_OFFSET for a second installation.")
    assert set(running.pids()) == {"redis"}


@pytest.mark.parametrize("command", ["up", "down"])
def test_after_the_death_of_the_supervisor(running_two: Installation, command: str) -> None:
    before = running_two.processes()
    supervisor = int((running_two.settings.data / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(supervisor), "the supervisor is dead", within=5)
    states = {one["part"]: one["state"] for one in json.loads(running_two.run("status", "--json").stdout)}
    assert (states["postgres"], states["redis"], states["web"]) == ("unsupervised", "unsupervised", "unknown")
    assert "The supervisor is not running" in running_two.run("status").stdout
    if command == "down":
        assert running_two.run("down").returncode == 0
        assert running_two.processes() == []
    else:
        done = running_two.up("postgres,redis")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "processes left by a previous supervisor" in done.stdout
        assert set(running_two.pids()) == {"postgres", "redis"}
    assert [process for process in before if process.is_running()] == []


def test_a_killed_part_comes_back_without_its_old_children(running_two: Installation) -> None:
    killed = psutil.Process(running_two.pids()["postgres"])
    children = killed.children(recursive=True)
    assert children
    killed.kill()
    wait_for(
        lambda: running_two.pids().get("postgres", killed.pid) != killed.pid, "PostgreSQL is started again", within=15
    )

    def answers() -> bool:
        states = json.loads(running_two.run("status", "--json").stdout)
        return {"postgres": "healthy"} in [{state["part"]: state["state"]} for state in states]

    wait_for(answers, "PostgreSQL answers again", within=30)
    wait_for(lambda: not any(child.is_running() for child in children), "its old children have ended", within=15)


def test_interrupted_it_leaves_nothing(installation: Installation) -> None:
    started = installation.start("up", "--only", "redis,kafka")
    wait_for(lambda: Supervisor(installation.settings).is_running(), "the supervisor has been started", within=60)
    started.terminate()
    _, said = started.communicate(timeout=60)
    # A JVM takes its seconds, so this came in the middle of it.
    assert started.returncode == 130
    assert said.strip() == "make up: interrupted; everything it had started was stopped."
    assert installation.processes() == []


def test_reading_logs_ends_without_a_word_about_the_parts_that_is_not_so(running: Installation) -> None:
    reading = running.start("logs", "redis", "--follow")
    assert reading.stdout is not None
    assert reading.stdout.readline()
    reading.send_signal(signal.SIGINT)
    _, said = reading.communicate(timeout=30)
    assert (reading.returncode, said.strip()) == (130, "make logs: interrupted; the services are unchanged.")
    assert set(running.pids()) == {"redis"}


def test_clean_deletes_what_was_made_and_nothing_else(running: Installation) -> None:
    stranger = running.settings.data / "notes.txt"
    stranger.write_text("mine")
    asked = running.run("clean")
    assert asked.returncode == 1
    assert "YES=1" in asked.stderr
    assert set(running.pids()) == {"redis"}
    assert running.run("clean", "--yes").returncode == 0
    assert running.processes() == []
    assert list(running.settings.data.iterdir()) == [stranger]


def test_unknown_parts_and_logs_are_named(running: Installation) -> None:
    unknown = running.run("up", "--only", "redis,oracle")
    assert (unknown.returncode, "Service oracle does not exist" in unknown.stderr) == (1, True)
    missing = running.run("logs", "oracle")
    assert (missing.returncode, "No log of oracle" in missing.stderr) == (1, True)
    assert "ready to accept connections" in running.run("logs", "redis").stdout.lower()


@pytest.mark.parametrize("target", [target for target in TESTING if target != "test"])
def test_what_a_target_names_is_collected(target: str) -> None:
    """pytest drops a file that lies in a folder which is named too, unless its name begins with `test_`."""
    words = cli.arguments_parser().parse_args([target]).pytest
    named = [Path(word) for word in words if word.startswith("tests/")]
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert [path for path in named for other in named if other in path.parents] == []
