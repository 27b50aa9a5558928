"""Signs of life: from a real worker and a real beat, each into its own row."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from compose.local.parts.redis import wheel_server
from controlplane.health.heartbeat import HEARTBEAT_SECONDS, Heart
from controlplane.health.models import Observation
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_a_sign_of_life_is_written_once_in_a_while() -> None:
    now = 0.0
    heart = Heart(clock=lambda: now)
    heart.beat("worker", "Takes tasks.")
    first = Observation.objects.get(part="worker").observed_at
    now += HEARTBEAT_SECONDS / 2
    heart.beat("worker", "Takes tasks.")
    assert Observation.objects.get(part="worker").observed_at == first
    now += HEARTBEAT_SECONDS / 2
    heart.beat("worker", "Takes tasks.")
    assert Observation.objects.get(part="worker").observed_at > first


@pytest.mark.django_db
def test_without_a_database_it_is_silent() -> None:
    Heart(has_database=lambda: False).beat("worker", "Takes tasks.")
    assert not Observation.objects.exists()


@pytest.fixture
def _celery_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test database and a Redis of its own, for processes that are started."""
    database = connection.settings_dict
    login = f"{database['USER']}:{quote(database['PASSWORD'])}@{quote(database['HOST'], safe='')}"
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{login}:{database['PORT']}/{database['NAME']}")
    socket = tmp_path / "redis.sock"
    monkeypatch.setenv("REDIS_URL", f"redis+socket://{socket}")
    server = subprocess.Popen(
        [str(wheel_server()), "--port", "0", "--unixsocket", str(socket), "--save", ""], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(socket.exists, "Redis listens", within=10)
        yield
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def celery(*words: str) -> Iterator[None]:
    program = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "controlplane.celery", *words],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        program.terminate()
        program.wait(20)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_celery_environment")
@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("worker", ("worker", "-P", "threads", "-c", "1", "-Q", "nothing", "-n", "worker@test", "--without-mingle")),
        (
            "generator",
            ("worker", "-P", "prefork", "-c", "1", "-Q", "nothing", "-n", "generator@test", "--without-gossip"),
        ),
        ("beat", ("beat", "--schedule", "{home}/beat", "--pidfile", "")),
    ],
)
def test_each_process_says_itself_that_it_lives(part: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with celery(*(word.format(home=tmp_path) for word in words)):
        wait_for(lambda: Observation.objects.filter(part=part, state="up").exists(), f"{part} lives", within=60)
        first = Observation.objects.get(part=part).observed_at
        wait_for(lambda: Observation.objects.get(part=part).observed_at > first, f"{part} says it again", within=30)
