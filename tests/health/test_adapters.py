"""One contract over every broker and supervisor that the overview may ask."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compose.local.parts.redis import wheel_server
from controlplane.health.adapters.null import NullBroker, NullSupervisor
from controlplane.health.adapters.redis import RedisBroker
from controlplane.health.adapters.supervisord import Supervisord
from controlplane.health.ports import (
    Broker,
    BrokerUnreachableError,
    Process,
    ProcessSupervisor,
    SupervisorUnreachableError,
)
from tests.waiting import done_within, wait_for


@pytest.fixture(params=["null", "redis"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Broker, Callable[[], None]]]:
    """A broker that answers, and what makes it stop."""
    if request.param == "null":
        null = NullBroker()
        yield null, lambda: setattr(null, "problem", "gone")
        return
    socket = tmp_path / "redis.sock"
    server = subprocess.Popen(
        [str(wheel_server()), "--port", "0", "--unixsocket", str(socket), "--save", ""], stdout=subprocess.DEVNULL
    )

    def stop() -> None:
        server.terminate()
        server.wait(10)

    try:
        wait_for(socket.exists, "Redis listens", within=10)
        yield RedisBroker(f"unix://{socket}"), stop
    finally:
        stop()


def test_a_broker_answers_until_it_does_not(broker: tuple[Broker, Callable[[], None]]) -> None:
    asked, stop = broker
    assert asked.ask().version
    stop()
    with pytest.raises(BrokerUnreachableError):
        asked.ask()


def test_valkey_is_named_with_its_own_version(broker: tuple[Broker, Callable[[], None]]) -> None:
    """It also reports a version of Redis, which clients of Redis ask for."""
    asked, _ = broker
    told = asked.ask()
    if isinstance(asked, RedisBroker):
        said = subprocess.run([str(wheel_server()), "--version"], capture_output=True, text=True, check=True).stdout
        assert f" v={told.version} " in said
        assert told.name == "Valkey"


def test_a_broker_that_accepts_and_says_nothing_is_given_up_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = RedisBroker(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        with done_within(1, "the question"), pytest.raises(BrokerUnreachableError):
            asked.ask()


CONFIGURATION = """
[unix_http_server]
file={home}/s.sock
[supervisord]
logfile={home}/log
pidfile={home}/pid
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{home}/s.sock
[program:kafka]
command=sleep 1000
startsecs=1
environment=SECRET="50%% off"
[program:bi]
command=sleep 1000
autostart=false
"""


@pytest.fixture(params=["null", "supervisord"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProcessSupervisor]:
    """One that runs `kafka` and has never started `bi`."""
    if request.param == "null":
        from django.utils import timezone

        yield NullSupervisor(
            Process("kafka", True, False, timezone.now(), None, 0, ""), Process("bi", False, False, None, None, 0, "")
        )
        return
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(CONFIGURATION.format(home=tmp_path))
    running = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        asked = Supervisord(configuration)
        wait_for(lambda: _runs(asked, "kafka"), "supervisord runs its program", within=20)
        yield asked
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def _runs(supervisor: ProcessSupervisor, name: str) -> bool:
    try:
        return supervisor.processes()[name].running
    except (SupervisorUnreachableError, KeyError):
        return False


def test_a_supervisor_tells_what_runs_and_what_never_did(supervisor: ProcessSupervisor) -> None:
    found = supervisor.processes()
    assert set(found) == {"kafka", "bi"}
    kafka, bi = found["kafka"], found["bi"]
    assert (kafka.running, kafka.started_at is not None, kafka.stopped_at) == (True, True, None)
    assert (bi.running, bi.starting, bi.started_at) == (False, False, None)


def test_without_a_configuration_nothing_is_supervised(tmp_path: Path) -> None:
    assert Supervisord(tmp_path / "supervisord.conf").processes() == {}


def test_a_supervisor_that_is_gone_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "supervisord.conf").write_text(CONFIGURATION.format(home=tmp_path))
    with pytest.raises(SupervisorUnreachableError):
        Supervisord(tmp_path / "supervisord.conf").processes()
