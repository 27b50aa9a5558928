"""A real Kafka broker and a Spark server that reads from it, and nothing beside them."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.local import kafka_access
from compose.local.credentials import environment, load_secrets
from compose.local.parts import kafka
from compose.local.settings import load
from spark_jobs.kafka_client import SCRAM, STREAM, KafkaClient
from tests.ports import free_ports
from tests.waiting import wait_for


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
        kafka.prepare(settings, drawn)
        part = kafka.part(settings, environment(settings, drawn), drawn)
        log = Path(folder) / "kafka.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(part.command, cwd=part.directory, stdout=output, stderr=subprocess.STDOUT) as process,
        ):

            def granted() -> bool:
                assert process.poll() is None, f"Kafka ended:\n{log.read_text()[-4000:]}"
                missing = kafka_access.grant(address, drawn, "tests.none")
                assert missing == "", f"{missing}\n{log.read_text()[-2000:]}"
                return True

            try:
                wait_for(granted, "Kafka has its accounts", within=120)
                admin, stream = (kafka_access.account(address, drawn, name) for name in (kafka_access.ADMIN, STREAM))
                yield Broker(admin, stream, _variables(stream))
            finally:
                process.terminate()


def _variables(stream: KafkaClient) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": stream.bootstrap_servers,
        "KAFKA_SECURITY_PROTOCOL": stream.protocol,
        "KAFKA_SASL_MECHANISM": SCRAM,
        "KAFKA_USERNAME": stream.username,
        "KAFKA_PASSWORD": stream.password,
    }
