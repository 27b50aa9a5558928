"""A real Kafka broker and a Spark server that reads from it, and nothing beside them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from compose.local import kafka_access
from compose.local.credentials import load_secrets
from compose.local.parts import kafka as kafka_part
from compose.local.settings import load
from spark_jobs.kafka_client import STREAM, KafkaClient
from tests.kafka import broker_process, variables_of
from tests.ports import free_ports


@dataclass(frozen=True)
class Broker:
    """The account with every right, the stream's, and the environment of a Spark server that reads with that one."""

    admin: KafkaClient
    stream: KafkaClient
    spark: dict[str, str]


@contextmanager
def kafka_broker() -> Iterator[Broker]:
    """The broker that `make up` would start, in a folder of its own."""
    port, controller = free_ports(2)
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="lakehouse-test-kafka-") as folder:
        settings = load({"LAKEHOUSE_DATA": folder, "KAFKA_PORT": str(port), "KAFKA_CONTROLLER_PORT": str(controller)})
        drawn = load_secrets(settings.data)
        kafka_part.prepare(settings, drawn)
        with broker_process(settings, drawn, "tests.none"):
            admin, stream = (kafka_access.account(address, drawn, name) for name in (kafka_access.ADMIN, STREAM))
            yield Broker(admin, stream, variables_of(stream))


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaClient]:
    """An account with every right on a real broker of the tests' own, for topics of a test's own."""
    with kafka_broker() as broker:
        yield broker.admin
