"""What somebody with another account on this machine gets without a credential: nothing.

`tests/strangers/table.py` lists every port and socket, and `tests/strangers/asking.py` how each is tried. A stranger is
a client without a credential or with a wrong one, and another user of the machine where the tests run as root.
"""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from dotenv import dotenv_values

from compose.local.credentials import DATABASES, database_url, load_secrets
from compose.local.kafka_access import ACCOUNTS, account
from compose.local.sign_in_limit import ATTEMPTS, WINDOW_SECONDS
from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine
from controlplane.orchestration.ports import WorkflowUnreachableError
from controlplane.streaming.adapters.kafka import KafkaEventTopic
from spark_jobs.kafka_client import KafkaClient
from tests.compose.commands import WATCHING_PORTS
from tests.kafka import let_the_stream_read
from tests.stack import Stack
from tests.strangers.asking import NOBODY, Answer, ask, run_in_spark
from tests.strangers.listeners import SUPERVISOR, Listener, listeners
from tests.strangers.table import TABLE, entry, targets
from tests.waiting import wait_for

pytestmark = pytest.mark.stack
SECONDS = 10.0


@pytest.fixture(scope="module")
def drawn(stack: Stack) -> dict[str, str]:
    return load_secrets(stack.data)


@pytest.fixture(scope="module", autouse=True)
def topic(stack: Stack) -> str:
    """The event topic, which the first start of the stream or of a run creates."""
    name = str(stack.connections["topic"])
    KafkaEventTopic(stack.kafka, name).ensure(4)
    return name


# --- Every port and socket --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(stack: Stack) -> list[Listener]:
    """Where the installation listens now."""
    return listeners(stack.processes(), stack.pids())


@pytest.fixture(scope="module")
def answers(stack: Stack, drawn: dict[str, str], topic: str, found: list[Listener]) -> list[Answer]:
    """What a stranger got there."""
    before = _records(stack.kafka, topic)
    airflow = urlsplit(stack.connections["airflow_browser_url"]).netloc
    given = {"viewer": drawn["kafka_viewer"], "topic": topic, "airflow_host": airflow}
    answered = ask(targets(found, stack.settings, given))
    assert _records(stack.kafka, topic) == before
    return answered


def test_every_port_and_socket_is_in_the_table(stack: Stack, found: list[Listener]) -> None:
    assert [str(one) for one in found if entry(one, stack.settings) is None] == []
    # What is not there has not been tried. Services that this installation doesn't run have no port.
    running = {*stack.pids(), SUPERVISOR}
    unwatched = () if stack.settings.monitoring else WATCHING_PORTS
    expected = {key for key in TABLE if key[0] in running and key[1] not in unwatched}
    assert {entry(one, stack.settings) for one in found} == expected


def test_they_listen_on_loopback_only(found: list[Listener]) -> None:
    assert [str(one) for one in found if not one.path and one.address not in ("127.0.0.1", "::1")] == []


@pytest.mark.parametrize("key", TABLE, ids="-".join)
def test_a_stranger_gets_nothing(
    stack: Stack, found: list[Listener], answers: list[Answer], key: tuple[str, str]
) -> None:
    """As another user where the tests run as root, otherwise as the same one."""
    names = {str(one) for one in found if entry(one, stack.settings) == key}
    if not names:
        pytest.skip(f"{key[0]} does not listen here.")
    tried = [answer for answer in answers if answer.target in names]
    assert {answer.target for answer in tried} == names
    assert [answer for answer in tried if answer.got] == []


# --- Spark ------------------------------------------------------------------------------------------------------------


def test_spark_answers_to_its_token(stack: Stack) -> None:
    assert run_in_spark(stack.connections["spark_remote"]) == ["42"]


def test_a_job_can_not_be_killed_from_sparks_pages_even_with_the_token(stack: Stack) -> None:
    known = dotenv_values(stack.data / "environment")
    headers = {"Authorization": f"Bearer {known['SPARK_UI_TOKEN']}"}
    ui = f"http://127.0.0.1:{stack.settings.port('SPARK_UI_PORT')}"
    version = httpx.get(f"{ui}/api/v1/version", headers=headers, timeout=SECONDS, trust_env=False)
    assert version.status_code == 200
    jobs = httpx.get(f"{ui}/jobs/", headers=headers, timeout=SECONDS, trust_env=False).text
    assert "kill" not in jobs
    environment = httpx.get(f"{ui}/environment/", headers=headers, timeout=SECONDS, trust_env=False).text
    secrets = {name: value for name, value in load_secrets(stack.data).items() if value in environment}
    assert not secrets, f"Spark's page shows {set(secrets)}"


# --- Kafka ------------------------------------------------------------------------------------------------------------


def _records(client: KafkaClient, topic: str) -> dict[int, int]:
    consumer = Consumer({**client.librdkafka(), "group.id": "strangers"})
    try:
        numbers = consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
        marks = {one: consumer.get_watermark_offsets(TopicPartition(topic, one), timeout=SECONDS) for one in numbers}
        return {one: high for one, (_, high) in marks.items()}
    finally:
        consumer.close()


# What each account may do with the event topic, as the broker says it.
RIGHTS = {
    "viewer": {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"},
    "operator": {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"},
    "admin": {"READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "ALTER_CONFIGS", "DESCRIBE_CONFIGS"},
    "generator": {"READ", "WRITE", "DESCRIBE"},
    "stream": {"READ", "DESCRIBE"},
    "controlplane": {"READ", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"},
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_each_account_of_kafka_may_do_what_it_needs_and_no_more(
    stack: Stack, drawn: dict[str, str], name: str, topic: str
) -> None:
    admin = AdminClient({**account(stack.connections["kafka"], drawn, name).librdkafka()})
    asked = admin.describe_topics(TopicCollection([topic]), include_authorized_operations=True)
    described = asked[topic].result(SECONDS)
    # The broker leaves CREATE out here, although it is granted: topics that are there can't be created.
    told = {operation.name for operation in described.authorized_operations}
    assert told | {"CREATE"} == RIGHTS[name] | {"CREATE"}


@pytest.mark.parametrize("name", ["viewer", "stream", "controlplane"])
def test_who_only_reads_sends_nothing(stack: Stack, drawn: dict[str, str], name: str, topic: str) -> None:
    told: list[Any] = []
    producer = Producer({**account(stack.connections["kafka"], drawn, name).librdkafka(), "log_level": 0})
    producer.produce(topic, b"forged", on_delivery=lambda error, _: told.append(error))
    producer.flush(SECONDS)
    assert [error.name() for error in told] == ["TOPIC_AUTHORIZATION_FAILED"]


@pytest.mark.parametrize("name", [name for name in ACCOUNTS if name != "admin"])
def test_nobody_but_an_admin_creates_another_topic(stack: Stack, drawn: dict[str, str], name: str) -> None:
    admin = AdminClient({**account(stack.connections["kafka"], drawn, name).librdkafka()})
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        admin.create_topics([NewTopic("strangers.topic", 1, 1)])["strangers.topic"].result(SECONDS)


@pytest.mark.parametrize("name", [name for name in ACCOUNTS if name != "admin"])
def test_nobody_but_an_admin_gives_rights_or_makes_accounts(
    stack: Stack, drawn: dict[str, str], name: str, topic: str
) -> None:
    client = account(stack.connections["kafka"], drawn, name)
    with pytest.raises(AssertionError, match="AUTHORIZATION_FAILED"):
        _assert_granted(client, topic)
    upsertion = UserScramCredentialUpsertion(
        "admin", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"mine now"
    )
    admin = AdminClient({**client.librdkafka()})
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        admin.alter_user_scram_credentials([upsertion])["admin"].result(SECONDS)


def _assert_granted(client: KafkaClient, topic: str) -> None:
    try:
        let_the_stream_read(client, topic)
    except KafkaException as error:
        raise AssertionError(error.args[0].name()) from error


# --- Databases and Airflow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", DATABASES)
@pytest.mark.parametrize("database", DATABASES)
def test_each_role_connects_to_its_own_database_only(
    stack: Stack, drawn: dict[str, str], role: str, database: str
) -> None:
    address = urlsplit(database_url(stack.settings, drawn, role))._replace(path=f"/{database}").geturl()
    if role == database:
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == (database,)
        return
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address)


@pytest.mark.parametrize("path", ["/", "/auth/login/", "/api/v2/monitor/health", "/auth/token", "/nowhere"])
def test_airflow_answers_to_its_own_names_and_can_not_be_framed(stack: Stack, path: str) -> None:
    address = stack.connections["airflow"]
    own = httpx.get(f"{address}{path}", timeout=SECONDS, trust_env=False)
    assert own.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in own.headers["content-security-policy"]
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8082", ""):
        foreign = httpx.get(f"{address}{path}", headers={"Host": host}, timeout=SECONDS, trust_env=False)
        assert foreign.status_code == 400, host


def test_airflow_limits_wrong_passwords(stack: Stack) -> None:
    address = stack.connections["airflow"]
    right = {"username": stack.connections["airflow_username"], "password": stack.connections["airflow_password"]}

    def attempt(password: str) -> int:
        given = {"username": right["username"], "password": password}
        return httpx.post(f"{address}/auth/token", json=given, timeout=SECONDS, trust_env=False).status_code

    def guess() -> list[int]:
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=4 * ATTEMPTS) as threads:
            guessed = list(threads.map(attempt, [f"guess-{number}" for number in range(4 * ATTEMPTS)]))
        windows = 1 + (time.monotonic() - began) / WINDOW_SECONDS
        assert set(guessed) <= {401, 429}
        assert guessed.count(401) <= ATTEMPTS * windows
        return guessed

    def refusal() -> str:
        """What the control plane says; empty where the window passed before it asked."""
        guess()
        try:
            AirflowWorkflowEngine(address, right["username"], right["password"]).runs()
        except WorkflowUnreachableError as refused:
            return str(refused)
        return ""

    assert 429 in guess()
    said = wait_for(refusal, "the control plane is refused", within=WINDOW_SECONDS)
    assert re.search("rejects sign-ins after too many wrong passwords.* in [0-9]+ s", said)
    wait_for(lambda: attempt(right["password"]) == 201, "a sign-in to Airflow", within=2 * WINDOW_SECONDS, every=1)


# --- Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can try as another user.")
def test_another_user_can_read_none_of_the_installations_files(stack: Stack) -> None:
    found = subprocess.run(
        ["/usr/bin/find", str(stack.data), "-type", "f", "-readable", "-size", "+0"],
        user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    static = str(stack.data / "static")
    assert [line for line in found.stdout.splitlines() if not line.startswith(static)] == []
