"""`make rotate-secrets` on an installation of its own: every credential of before is refused, and nothing is lost.

Run by `make test-rotation`; apart from `make test`, because the installation of the other tests keeps its secrets.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from compose.local.credentials import DATABASES, NEXT_SECRETS, database_url, load_secrets, write_secrets
from compose.local.kafka_access import ACCOUNTS, account
from compose.local.parts.postgres import superuser_url
from tests.stack import Stack, installation
from tests.system.api import ControlPlane
from tests.waiting import wait_for

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    with installation(Path(tempfile.mkdtemp(prefix="lakehouse-rotation-"))) as running:
        tour = running.command("manage.py", "tour", timeout=1000)
        assert tour.returncode == 0, tour.stdout + tour.stderr
        yield running


def _rotate(stack: Stack) -> "subprocess.CompletedProcess[str]":
    done = stack.command("-m", "compose.local", "rotate-secrets", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _database_lets_in(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return False
    return True


def _kafka_lets_in(properties: dict[str, str]) -> bool:
    admin = AdminClient({**properties, "log_level": 0})
    try:
        admin.list_topics(timeout=5)
    except KafkaException:
        return False
    return True


def _redis_lets_in(address: str) -> bool:
    with redis.Redis.from_url(address) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False


def _let_in(stack: Stack, drawn: dict[str, str]) -> set[str]:
    """Which of these secrets still open something."""
    settings = stack.settings
    servers = f"127.0.0.1:{settings.port('KAFKA_PORT')}"
    ui = f"http://127.0.0.1:{settings.port('WEB_PORT')}"
    tried = {f"postgres_{name}": _database_lets_in(database_url(settings, drawn, name)) for name in DATABASES}
    tried["postgres"] = _database_lets_in(superuser_url(settings, drawn))
    tried |= {f"kafka_{name}": _kafka_lets_in(account(servers, drawn, name).librdkafka()) for name in ACCOUNTS}
    tried["redis"] = _redis_lets_in(f"redis://:{drawn['redis']}@127.0.0.1:{settings.port('REDIS_PORT')}/0")
    for name, path in (("api_token", "/api/v1/me"), ("metrics", "/metrics")):
        headers = {"Authorization": f"Bearer {drawn[name]}"}
        tried[name] = httpx.get(f"{ui}{path}", headers=headers, timeout=30, trust_env=False).status_code == 200
    token = {"username": "svc", "password": drawn["airflow"]}
    airflow = f"http://127.0.0.1:{settings.port('AIRFLOW_PORT')}/auth/token"
    tried["airflow"] = httpx.post(airflow, json=token, timeout=30, trust_env=False).status_code == 201
    return {name for name, opened in tried.items() if opened}


def test_every_secret_of_before_is_refused_and_the_ledger_still_balances(own: Stack) -> None:
    before = load_secrets(own.data)
    every = _let_in(own, before)
    assert len(every) == len(DATABASES) + 1 + len(ACCOUNTS) + 4
    _rotate(own)
    after = load_secrets(own.data)
    assert {name for name in before if after[name] == before[name]} == {"admin", "own_name"}
    assert _let_in(own, before) == set()
    assert _let_in(own, after) == every
    known = json.loads((own.data / "credentials.json").read_text())
    api = ControlPlane(known["url"], known["api_token"])
    wait_for(lambda: api.get("/stream")["state"] == "running", "the stream goes on by itself", within=120)
    api.http.close()
    ledger = own.command("manage.py", "ledger", "--json", timeout=300)
    assert ledger.returncode == 0, ledger.stdout + ledger.stderr
    tour = own.command("manage.py", "tour", timeout=1000)
    assert tour.returncode == 0, tour.stdout + tour.stderr


def test_a_rotation_that_was_interrupted_is_completed(own: Stack) -> None:
    """The moment in between: the new secrets are on disk, PostgreSQL has its own, and nothing else does."""
    old = load_secrets(own.data)
    wanted = old | {"postgres": "of-the-interrupted-rotation"}
    write_secrets(own.data, wanted, NEXT_SECRETS)
    with psycopg.connect(superuser_url(own.settings, old), autocommit=True) as connection:
        connection.execute("ALTER ROLE postgres PASSWORD 'of-the-interrupted-rotation'")
    down = own.command("-m", "compose.local", "down", timeout=300)
    assert down.returncode == 0
    up = own.command("-m", "compose.local", "up", timeout=600, TOUR="0")
    assert up.returncode == 1
    assert "make rotate-secrets" in up.stderr
    _rotate(own)
    assert load_secrets(own.data)["postgres"] == "of-the-interrupted-rotation"
    assert not (own.data / NEXT_SECRETS).exists()
    up = own.command("-m", "compose.local", "up", timeout=600, TOUR="0")
    assert up.returncode == 0, up.stdout + up.stderr


def test_where_nothing_is_installed_it_says_so(tmp_path: Path, own: Stack) -> None:
    nothing = Stack(tmp_path / "none", {**own.environ, "LAKEHOUSE_DATA": str(tmp_path / "none")})
    done = nothing.command("-m", "compose.local", "rotate-secrets")
    assert done.returncode == 1
    assert "Run `make up` first" in done.stderr
