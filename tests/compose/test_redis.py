"""The broker's rights on a real server: what Celery needs works, and nothing beyond it."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker
from kombu import Connection

from compose.local.errors import InstallationError
from compose.local.parts.redis import directives, part, prepare, wheel_server
from compose.local.settings import ROOT, load
from tests.ports import free_port
from tests.waiting import wait_for

PASSWORD = "of-the-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with our directives, as the programs are given it."""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    lines = {"bind": "127.0.0.1", "port": str(port), "dir": str(folder), **directives({"redis": PASSWORD})}
    configuration = folder / "redis.conf"
    configuration.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    assert PASSWORD not in configuration.read_text()
    # LAKEHOUSE_TEST_REDIS names another server to try these rights on.
    program = os.environ.get("LAKEHOUSE_TEST_REDIS") or str(wheel_server())
    with (folder / "log").open("w") as log:
        running = subprocess.Popen([program, str(configuration)], stdout=log, stderr=subprocess.STDOUT)
    address = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"

    def answers() -> bool:
        assert running.poll() is None, (folder / "log").read_text()
        with redis.Redis.from_url(address) as client, contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False

    try:
        wait_for(answers, "the server answers", within=20)
        yield address
    finally:
        running.terminate()
        running.wait(20)


@pytest.mark.parametrize(
    "command",
    [
        *("CONFIG GET dir", "CONFIG SET dir /tmp", "MODULE LIST", "MODULE LOAD /tmp/x.so", "DEBUG SLEEP 0", "ACL LIST"),
        *("ACL SETUSER more on nopass ~* +@all", "SHUTDOWN", "REPLICAOF 127.0.0.1 1", "MONITOR", "KEYS *", "SAVE"),
        *("FLUSHALL", "FLUSHDB", "BGSAVE", "BGREWRITEAOF", "CLIENT LIST", "CLIENT KILL TYPE normal", "SORT x"),
        *(
            "EVAL return(1) 0",
            "SCRIPT FLUSH",
            "SCRIPT KILL",
            "MIGRATE 127.0.0.1 1 x 0 1",
            "RESTORE x 0 y",
            "PFADD x 1",
            "SWAPDB 0 1",
        ),
    ],
)
def test_a_program_can_not(server: str, command: str) -> None:
    refused = "no permissions to run|command not allowed"
    with redis.Redis.from_url(server) as client, pytest.raises(redis.ResponseError, match=refused):
        client.execute_command(*command.split())


def test_without_the_password_nothing_is_answered(server: str) -> None:
    address = server.replace(f":{PASSWORD}@", "")
    for url in (address, address.replace("redis://", "redis://:wrong@")):
        with redis.Redis.from_url(url) as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_celery_sends_receives_and_is_asked(server: str) -> None:
    app = Celery("test", broker=server)
    app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
    done: list[int] = []

    @app.task(name="note")
    def note(number: int) -> None:
        done.append(number)

    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=30):
        for number in range(20):
            note.delay(number)
        wait_for(lambda: sorted(done) == list(range(20)), "every task has run", within=30)
        # Answers come through a queue that expires, which Celery's transport keeps alive by scripts.
        assert [list(answer.values()) for answer in app.control.ping(timeout=5)] == [[{"ok": "pong"}]]
        assert app.control.purge() == 0
    app.close()


def test_what_a_dead_worker_held_is_handed_out_again(server: str) -> None:
    """Celery's transport does this under a lock that it releases by a script."""
    options = {"visibility_timeout": 0}
    with Connection(server, transport_options=options) as connection, Connection(server) as other:
        channel: Any = connection.channel()
        queue = connection.SimpleQueue("held", channel=channel)
        queue.put({"number": 1})
        assert queue.get(timeout=5).payload == {"number": 1}
        channel.qos.restore_visible(interval=1)
        again = other.SimpleQueue("held")
        message = again.get(timeout=5)
        message.ack()
        assert message.payload == {"number": 1}
        again.close()
        queue.close()


def test_answers_that_nobody_reads_end_the_connection(server: str) -> None:
    """Without a password: each command is refused, and the refusals pile up at the server."""
    port = int(server.rpartition(":")[2].partition("/")[0])
    commands = b"GET x\r\n" * 10_000
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as stranger, redis.Redis.from_url(server) as client:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stranger.settimeout(1)
        deadline = time.monotonic() + 60
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent < 100 * 1024**2 and time.monotonic() < deadline:
                sent += stranger.send(commands)
        assert sent < 100 * 1024**2
        said: Any = client.info()
        assert said["used_memory"] < 64 * 1024**2
        assert said["connected_clients"] < 10


def test_a_server_of_ones_own_is_remembered_and_has_to_be_there(tmp_path: Path) -> None:
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    given = {"LAKEHOUSE_DATA": str(tmp_path / "data"), "REDIS_BINARY": str(program)}
    drawn = {"redis": PASSWORD}
    (tmp_path / "data").mkdir()
    assert part(load(given, root=ROOT), drawn).command[0] == str(program)
    (tmp_path / "data" / "environment").write_text(f"REDIS_BINARY='{program}'\n")
    assert part(load({"LAKEHOUSE_DATA": given["LAKEHOUSE_DATA"]}, root=ROOT), drawn).command[0] == str(program)
    back = part(load({**given, "REDIS_BINARY": ""}, root=ROOT), drawn)
    assert back.command[0] == str(wheel_server())
    program.unlink()
    with pytest.raises(InstallationError) as refused:
        prepare(load(given, root=ROOT), drawn)
    assert f"REDIS_BINARY is '{program}', which is not a program." in str(refused.value)
