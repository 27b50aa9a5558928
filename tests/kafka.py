"""The accounts of the running installation's Kafka, and brokers of their own, for tests."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from compose.local import kafka_access
from compose.local.credentials import environment
from compose.local.parts import kafka
from compose.local.settings import Settings
from spark_jobs.kafka_client import PLAINTEXT, STREAM, KafkaClient
from tests.waiting import wait_for


def nowhere(address: str = "127.0.0.1:1") -> KafkaClient:
    """A client of a broker that is not there."""
    return KafkaClient(address)


def client_of(properties: dict[str, str]) -> KafkaClient:
    """The account of one entry of `kafka_clients` in connections.json."""
    return KafkaClient(
        properties["bootstrap.servers"],
        properties.get("security.protocol", PLAINTEXT),
        properties.get("sasl.mechanism", ""),
        properties.get("sasl.username", ""),
        properties.get("sasl.password", ""),
    )


def variables_of(client: KafkaClient) -> dict[str, str]:
    """The environment of a program that signs in with this account, whatever its role."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": client.bootstrap_servers,
        "KAFKA_SECURITY_PROTOCOL": client.protocol,
        "KAFKA_SASL_MECHANISM": client.mechanism,
        **{
            f"KAFKA_{role}{name}": value
            for role in ("", "GENERATOR_", "CONTROLPLANE_")
            for name, value in (("USERNAME", client.username), ("PASSWORD", client.password))
        },
    }


@contextmanager
def broker_process(settings: Settings, drawn: Mapping[str, str], topic: str) -> Iterator[None]:
    """The prepared broker of these settings, running and with its accounts.

    Args:
        topic: what the accounts have their rights on.
    """
    part = kafka.part(settings, environment(settings, drawn), drawn)
    address, log = f"127.0.0.1:{settings.port('KAFKA_PORT')}", settings.data / "kafka.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(part.command, cwd=part.directory, stdout=output, stderr=subprocess.STDOUT) as process,
    ):

        def granted() -> bool:
            assert process.poll() is None, f"Kafka ended:\n{log.read_text()[-4000:]}"
            missing = kafka_access.grant(address, drawn, topic)
            assert missing == "", f"{missing}\n{log.read_text()[-2000:]}"
            return True

        try:
            wait_for(granted, "Kafka has its accounts", within=120)
            yield
        finally:
            process.terminate()


def let_the_stream_read(admin: KafkaClient, topic: str) -> None:
    """Give Spark's account the right to read a topic of a test's own."""
    right = AclBinding(
        *(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL),
        *(f"User:{STREAM}", "*", AclOperation.READ, AclPermissionType.ALLOW),
    )
    client = AdminClient({**admin.librdkafka()})
    for answer in client.create_acls([right]).values():
        answer.result(10)


def committed_records(client: KafkaClient, topic: str) -> int:
    """How many committed records a topic holds, counted one by one: offsets are not records."""
    from controlplane.streaming.adapters.kafka import KafkaEventTopic
    from controlplane.streaming.ports import Span

    known = KafkaEventTopic(client, topic)
    counted = known.count([Span(one.partition, one.begin, one.end) for one in known.offsets().partitions])
    assert None not in counted, "There was no time to count them all."
    return sum(count or 0 for count in counted)
