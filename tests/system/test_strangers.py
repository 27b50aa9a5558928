"""What somebody with another account on this machine gets without a credential: nothing.

Each test is an attack that once worked. A stranger is a client without a credential; where the test runs as root, the
files are also tried as another user.
"""

import os
import re
import subprocess
import sys
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
from spark_jobs.connection_string import without_parameters
from spark_jobs.kafka_client import KafkaClient
from tests.kafka import let_the_stream_read
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.stack
NOBODY = 65534
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


# --- Spark ------------------------------------------------------------------------------------------------------------


# A program of its own: pyspark keeps the session of a refused client as the process's own.
CLIENT = """
import sys
from pyspark.sql import SparkSession
for remote in sys.argv[1:]:
    try:
        said = SparkSession.builder.remote(remote).create().sql("SELECT 6 * 7").collect()[0][0]
    except Exception as error:
        said = str(error).replace("\\n", " ")
    print(said)
"""


def test_spark_runs_nothing_without_its_token(stack: Stack) -> None:
    address = without_parameters(stack.connections["spark_remote"])
    attempts = [address, *(f"{address}/;token={token}" for token in ("wrong", "Bearer", "%20"))]
    attempts += [f"{address}/;authorization={token}" for token in ("", "Bearer", "Bearer%20wrong", "Basic%20YTpi")]
    command = [sys.executable, "-c", CLIENT, *attempts, stack.connections["spark_remote"]]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()
    *refused, answer = told
    assert answer == "42"
    assert len(refused) == len(attempts)
    assert [line for line in refused if "UNAUTHENTICATED" not in line] == []


PATHS = (
    *("/", "/jobs/", "/stages/", "/environment/", "/executors/", "/SQL/", "/connect/", "/StreamingQuery/", "/json/"),
    *("/api/v1/version", "/api/v1/applications", "/metrics/prometheus/", "/metrics/executors/prometheus/"),
    *("/metrics/json/", "/executors/threadDump/?executorId=driver", "/static/webui.js"),
    *("/jobs/job/kill/?id=0", "/stages/stage/kill/?id=0"),
)


@pytest.mark.parametrize("path", PATHS)
def test_sparks_pages_show_a_stranger_nothing(stack: Stack, path: str) -> None:
    ui = f"http://127.0.0.1:{stack.settings.port('SPARK_UI_PORT')}"
    for headers in ({}, {"Authorization": "Bearer e30.e30.e30"}, {"Authorization": "Basic YWRtaW46YWRtaW4="}):
        for method in ("GET", "POST"):
            answer = httpx.request(method, f"{ui}{path}", headers=headers, timeout=SECONDS, trust_env=False)
            assert answer.status_code == 403, (method, headers)


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


def _strangers(stack: Stack, drawn: dict[str, str]) -> dict[str, dict[str, str]]:
    """Clients without an account: no sign-in, a wrong password, an unknown name, another mechanism."""
    servers = stack.connections["kafka"]
    good = account(servers, drawn, "viewer").librdkafka()
    return {
        "no sign-in": {"bootstrap.servers": servers},
        "a wrong password": {**good, "sasl.password": "wrong"},
        "an unknown name": {**good, "sasl.username": "nobody"},
        "another's password": {**good, "sasl.username": "admin"},
        "a person over PLAIN": {**good, "sasl.mechanism": "PLAIN"},
        "the broker with a wrong password": {**good, "sasl.mechanism": "PLAIN", "sasl.username": "broker"},
        "the controller's port": {
            "bootstrap.servers": f"127.0.0.1:{stack.settings.port('KAFKA_CONTROLLER_PORT')}",
        },
    }


def test_kafka_lists_nothing_to_a_stranger(stack: Stack, drawn: dict[str, str]) -> None:
    for what, properties in _strangers(stack, drawn).items():
        admin = AdminClient({**properties, "log_level": 0})
        try:
            topics = admin.list_topics(timeout=3).topics
        except KafkaException:
            continue
        pytest.fail(f"{what} was told of {list(topics)}")


def test_kafka_takes_no_record_from_a_stranger(stack: Stack, drawn: dict[str, str], topic: str) -> None:
    before = _records(stack.kafka, topic)
    for properties in _strangers(stack, drawn).values():
        told: list[Any] = []
        producer = Producer({**properties, "log_level": 0, "message.timeout.ms": 2000})
        producer.produce(topic, b'{"event_type": "purchase"}', on_delivery=lambda error, _, to=told: to.append(error))
        producer.flush(SECONDS)
        # librdkafka's errors can't be compared with None.
        assert [error is None for error in told] == [False]
    assert _records(stack.kafka, topic) == before


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
