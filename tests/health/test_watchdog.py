"""A worker that hangs ends itself and says where; one that only waits for its broker, or for its tasks, does not."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from celery import Celery
from django.db import connection
from redis import Redis

from compose.local.parts.redis import wheel_server
from controlplane.health.models import Observation
from controlplane.health.watchdog import EXIT_STATUS, Watchdog
from tests.ports import free_port
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
# A power of two, so that ten of them are exactly ten.
LOOK = 1 / 128


class Around:
    """What a watchdog looks at, and what it decided. `when_asked` is called at every look at the broker."""

    def __init__(self) -> None:
        self.broker_is_there = True
        self.asked = 0
        self.when_asked: Callable[[], object] = lambda: None
        self.given_up: list[float] = []

    def broker_answers(self) -> bool:
        self.asked += 1
        self.when_asked()
        return self.broker_is_there


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def watchdog(around: Around) -> Iterator[Watchdog]:
    made = Watchdog(broker_answers=around.broker_answers, give_up=around.given_up.append, patience=10 * LOOK, look=LOOK)
    yield made
    made.stand_down()
    made.join(5)


def test_silence_while_the_broker_answers_ends_the_worker(around: Around, watchdog: Watchdog) -> None:
    watchdog.start()
    wait_for(lambda: not watchdog.is_alive(), "it has decided", within=30, every=LOOK)
    assert around.given_up == [10 * LOOK]
    assert around.asked == 10


def test_silence_without_a_broker_is_no_reason(around: Around, watchdog: Watchdog) -> None:
    around.broker_is_there = False
    watchdog.start()
    wait_for(lambda: around.asked > 30, "it looked for three times its patience", within=30, every=LOOK)
    assert not around.given_up
    around.broker_is_there = True
    wait_for(lambda: around.given_up, "with the broker back, the silence counts", within=30, every=LOOK)


def test_a_sign_of_life_starts_the_count_again(around: Around, watchdog: Watchdog) -> None:
    signs = 0

    def give_a_sign() -> None:
        # One sign for every five looks at the broker: the silence never grows to ten.
        nonlocal signs
        if around.asked % 5 == 0:
            signs += 1
            watchdog.alive()

    around.when_asked = give_a_sign
    watchdog.start()
    wait_for(lambda: signs > 5, "it looked for longer than its patience", within=30, every=LOOK)
    assert not around.given_up


def test_a_worker_that_was_told_to_end_may_take_its_time(around: Around, watchdog: Watchdog) -> None:
    watchdog.stand_down()
    watchdog.start()
    wait_for(lambda: not watchdog.is_alive(), "it looks no more", within=30, every=LOOK)
    assert not around.given_up


@contextmanager
def redis(port: int) -> Iterator[None]:
    server = subprocess.Popen(
        [str(wheel_server()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(Redis(port=port).ping, "Redis answers", within=10)
        yield
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def worker(pool: str, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the control plane that can be asked for `tests.hang`."""
    with said.open("wb") as out:
        program = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "tests.health.hanging", "worker"),
                *("-P", pool, "-c", "2", "-Q", "control", "-n", "worker@test", "--without-mingle"),
            ],
            cwd=ROOT,
            env=os.environ,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield program
    finally:
        # Its task never ends, so it is not asked politely.
        program.kill()
        program.wait(20)


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Where the Redis of the test will listen; the processes that are started use it and the test's database."""
    database = connection.settings_dict
    login = f"{database['USER']}:{quote(database['PASSWORD'])}@{quote(database['HOST'], safe='')}"
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{login}:{database['PORT']}/{database['NAME']}")
    port = free_port()
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setenv("HANGS", str(tmp_path / "hangs"))
    return port


def lives() -> bool:
    return Observation.objects.filter(part="worker", state="up").exists()


def hang(port: int, tmp_path: Path) -> None:
    wait_for(lives, "the worker lives", within=60)
    Celery(broker=f"redis://127.0.0.1:{port}/0").send_task("tests.hang", queue="control")
    wait_for((tmp_path / "hangs").exists, "the task hangs", within=30)


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_loop_hangs_ends_and_says_where(port: int, tmp_path: Path) -> None:
    said = tmp_path / "said"
    # In the pool `solo` a task is done by the loop itself, so this one stops the loop.
    with redis(port), worker("solo", said) as program:
        hang(port, tmp_path)
        assert program.wait(60) == EXIT_STATUS
    assert "No heartbeat for 6 s although Redis responds" in said.read_text()
    assert 'hanging.py", line' in said.read_text(), "where it hung is told"


@pytest.mark.django_db(transaction=True)
def test_a_worker_with_a_task_that_hangs_outlives_redis_or_ends(port: int, tmp_path: Path) -> None:
    """What it must never be is a process that is there and takes nothing any more."""
    with worker("threads", tmp_path / "said") as program:
        with redis(port):
            hang(port, tmp_path)
        Observation.objects.all().delete()
        with redis(port):
            wait_for(lambda: program.poll() is not None or lives(), "it lives or has ended", within=90)
