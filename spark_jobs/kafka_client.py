"""How the pipeline's programs sign in to Kafka: one account a role, from the environment.

Accounts are separate so that each program has only the rights it needs: the generator writes, the stream reads, the
control plane looks and creates the topic. `compose/local/kafka_access.py` grants these rights on the embedded
broker. `.env.example` documents the variables for a Kafka that somebody else runs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spark_jobs.tls import own_ca_file, require_tls

PLAINTEXT = "PLAINTEXT"
SCRAM = "SCRAM-SHA-512"
GENERATOR, STREAM, CONTROLPLANE = "generator", "stream", "controlplane"
ROLES = (GENERATOR, STREAM, CONTROLPLANE)


@dataclass(frozen=True)
class KafkaClient:
    """One account on one cluster.

    Args:
        bootstrap_servers: `host:port`, several with commas.
        protocol: `PLAINTEXT`, `SASL_PLAINTEXT`, `SASL_SSL` or `SSL`.
        mechanism: the SASL mechanism, empty without SASL.
        ca: path of the file with the trusted certificate authorities for TLS; empty: the system's.
    """

    bootstrap_servers: str
    protocol: str = PLAINTEXT
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""

    def librdkafka(self) -> dict[str, str]:
        """The properties of a confluent-kafka client; they hold the password."""
        return {"bootstrap.servers": self.bootstrap_servers, **self._security(), **self._account()}

    def spark_options(self) -> dict[str, str]:
        """The options of Spark's Kafka source. Spark's JVM signs in through the JAAS file of its own configuration.

        Options are part of the query's plan, which Spark shows, so the password is not among them.
        """
        java = {"ssl.ca.location": "ssl.truststore.location"}
        security = {f"kafka.{java.get(name, name)}": value for name, value in self._security().items()}
        if self.ca:
            security["kafka.ssl.truststore.type"] = "PEM"
        return {"kafka.bootstrap.servers": self.bootstrap_servers, **security}

    def jaas(self) -> str:
        """The JAAS file of a JVM whose Kafka clients use this account; empty without SASL."""
        if not self.mechanism:
            return ""
        return f"KafkaClient {{\n  {self.login()}\n}};\n"

    def login(self) -> str:
        """The property `sasl.jaas.config` of a Java client with this account; it holds the password."""
        module = {"PLAIN": "plain.PlainLoginModule"}.get(self.mechanism, "scram.ScramLoginModule")
        return (
            f"org.apache.kafka.common.security.{module} required "
            f"username={jaas_quoted(self.username)} password={jaas_quoted(self.password)};"
        )

    def _security(self) -> dict[str, str]:
        if self.protocol == PLAINTEXT:
            return {}
        named = {"security.protocol": self.protocol, "sasl.mechanism": self.mechanism, "ssl.ca.location": self.ca}
        return {name: value for name, value in named.items() if value}

    def _account(self) -> dict[str, str]:
        if not self.mechanism:
            return {}
        return {"sasl.username": self.username, "sasl.password": self.password}


class Refusals:
    """Notes that a broker refuses the account, or that TLS fails: the `error_cb` of a confluent-kafka client.

    librdkafka tells this to the callback alone and goes on trying, so that a call ends as if no broker answered.
    `reason` is that of a refused account, `handshake` that of a failed TLS handshake.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.handshake = ""

    def __call__(self, error: Any) -> None:
        """Keep the reason of a failed sign-in or TLS handshake; librdkafka calls this with each error."""
        if error.name() in ("_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED"):
            self.reason = str(error.str())
        elif error.name() in ("_SSL", "_TRANSPORT") and "SSL" in error.str():
            self.handshake = str(error.str())

    def clear(self) -> None:
        """Forget both, after an answer."""
        self.reason = self.handshake = ""


def kafka_client(role: str, environ: Mapping[str, str] | None = None) -> KafkaClient:
    """The account of `role` (one of `ROLES`).

    `KAFKA_<ROLE>_USERNAME` and `KAFKA_<ROLE>_PASSWORD` come first; `KAFKA_USERNAME` and `KAFKA_PASSWORD` serve the
    roles that have none of their own.

    Raises:
        ConnectionSettingError: a broker on another host would be signed in to without TLS (see `spark_jobs.tls`).
    """
    known = os.environ if environ is None else environ
    servers = known.get("KAFKA_BOOTSTRAP_SERVERS") or "127.0.0.1:9092"
    protocol = known.get("KAFKA_SECURITY_PROTOCOL") or PLAINTEXT
    if protocol == "SASL_PLAINTEXT":
        for server in servers.split(","):
            host = server.strip().rpartition(":")[0]
            require_tls("KAFKA_BOOTSTRAP_SERVERS", host, "Set KAFKA_SECURITY_PROTOCOL=SASL_SSL.", known)

    def own(name: str) -> str:
        return known.get(f"KAFKA_{role.upper()}_{name}") or known.get(f"KAFKA_{name}") or ""

    return KafkaClient(
        bootstrap_servers=servers,
        protocol=protocol,
        mechanism=known.get("KAFKA_SASL_MECHANISM") or "",
        username=own("USERNAME"),
        password=own("PASSWORD"),
        ca=known.get("KAFKA_SSL_CA") or (own_ca_file(known) if protocol.endswith("SSL") else ""),
    )


def jaas_quoted(text: str) -> str:
    """A string of a JAAS file."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
