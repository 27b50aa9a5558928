"""A real Kafka broker with a listener for each certificate, all asking for SASL over TLS."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from compose.local.credentials import load_secrets
from compose.local.parts import kafka
from compose.local.settings import load
from spark_jobs.kafka_client import SCRAM, KafkaClient, kafka_client
from tests.kafka import broker_process
from tests.ports import free_ports
from tests.tls.authority import GOOD, REFUSED, Authority

TOPIC = "tests.tls"
# The listener without TLS, which the broker itself uses.
PLAIN = "plain"


@dataclass(frozen=True)
class TlsBroker:
    """The port of each case, the topic's accounts, and the file of the authority."""

    ports: Mapping[str, int]
    drawn: Mapping[str, str]
    ca: str

    def server(self, case: str) -> str:
        """`host:port` of the listener."""
        return f"localhost:{self.ports[case]}"

    def variables(self, case: str, role: str) -> dict[str, str]:
        """The environment of a program of `role` that uses this listener over TLS."""
        return {
            "TLS_CA_FILE": self.ca,
            "KAFKA_BOOTSTRAP_SERVERS": self.server(case),
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": SCRAM,
            "KAFKA_USERNAME": role,
            "KAFKA_PASSWORD": self.drawn[f"kafka_{role}"],
        }

    def client(self, case: str, role: str) -> KafkaClient:
        """The account as that program has it."""
        return kafka_client(role, self.variables(case, role))


@contextmanager
def tls_broker(authority: Authority) -> Iterator[TlsBroker]:
    """The broker of `make up`, with the listeners of the cases beside its own."""
    controller, *others = free_ports(2 + len(REFUSED) + 1)
    ports = dict(zip((PLAIN, GOOD, *REFUSED), others, strict=True))
    with tempfile.TemporaryDirectory(prefix="lakehouse-test-kafka-") as folder:
        given = {"KAFKA_PORT": str(ports[PLAIN]), "KAFKA_CONTROLLER_PORT": str(controller)}
        settings = load({"LAKEHOUSE_DATA": folder, **given})
        drawn = load_secrets(settings.data)
        kafka.prepare(settings, drawn)
        own = kafka.properties(settings, drawn)
        encrypted = {case: case.upper() for case in (GOOD, *REFUSED)}
        listeners = [f"{name}://{{host}}:{ports[case]}" for case, name in encrypted.items()]
        protocols = [f"{name}:SASL_SSL" for name in encrypted.values()]
        added = {
            **kafka.access_properties(drawn, ("CLIENTS", *encrypted.values())),
            **{
                name: ",".join([own[name], *(listener.format(host=host) for listener in listeners)])
                for name, host in (("listeners", "127.0.0.1"), ("advertised.listeners", "localhost"))
            },
            "listener.security.protocol.map": ",".join([own["listener.security.protocol.map"], *protocols]),
        }
        for case in encrypted:
            added[f"listener.name.{case}.ssl.keystore.type"] = "PEM"
            added[f"listener.name.{case}.ssl.keystore.location"] = str(authority.certificate(case))
        configuration = settings.data / "kafka" / "server.properties"
        configuration.write_text("".join(f"{name}={value}\n" for name, value in {**own, **added}.items()))
        with broker_process(settings, drawn, TOPIC):
            yield TlsBroker(ports, drawn, str(authority.file))
