"""Apache Kafka from its published archives: one node that is broker and controller at once (KRaft)."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from compose.local import health, kafka_access, service_account
from compose.local.certificates import ALIAS
from compose.local.credentials import monitoring_certificates, monitoring_folder, write_private
from compose.local.errors import InstallationError
from compose.local.java import find_java
from compose.local.parts import Part
from compose.local.settings import ROOT, Settings
from compose.monitoring.scrape import JMX_USER
from spark_jobs.kafka_client import CONTROLPLANE, SCRAM, jaas_quoted

LOGGING = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: console
      PatternLayout: {pattern: "%d{yyyy-MM-dd'T'HH:mm:ss,SSSXXX} %p %m (%c)%n"}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: console}}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: info}
      - {name: kafka.server.BrokerServer, level: info}
      - {name: org.apache.kafka.common.utils.AppInfoParser, level: "off"}
"""


# Which of Kafka's many figures Prometheus gets, and under which names.
JMX_RULES = "compose/monitoring/kafka-jmx.yml"
JMX_ROUNDS = 1000
# The agent counts the length of the key in bytes.
JMX_KEY_BYTES = 32


def _agent(settings: Settings) -> tuple[str, ...]:
    """Where it is watched, a Java agent that serves Kafka's own figures on loopback to Prometheus only."""
    if not settings.monitoring:
        return ()
    archive = next((settings.jars / "jmx").glob("jmx_prometheus_javaagent-*.jar"), settings.jars / "jmx" / "missing")
    address = f"127.0.0.1:{settings.port('KAFKA_METRICS_PORT')}"
    return (f"-javaagent:{archive}={address}:{_agent_configuration(settings)}",)


def _agent_configuration(settings: Settings) -> Path:
    return _folder(settings) / "jmx.yml"


def agent_configuration(key_store: Path, drawn: Mapping[str, str]) -> str:
    """The agent's rules, with TLS and a sign-in before its figures. The file holds the password of the key store."""
    salt = hashlib.sha256(drawn["monitoring"].encode()).hexdigest()
    # The password is drawn at random with 192 bits: more rounds would only cost a processor at each start.
    digest = hashlib.pbkdf2_hmac("sha256", drawn["monitoring"].encode(), salt.encode(), JMX_ROUNDS, dklen=JMX_KEY_BYTES)
    server = {
        "ssl": {
            "keyStore": {"filename": str(key_store), "password": drawn["monitoring"]},
            "certificate": {"alias": ALIAS},
        },
        "authentication": {
            "basic": {
                "username": JMX_USER,
                "algorithm": "PBKDF2WithHmacSHA256",
                "iterations": JMX_ROUNDS,
                "keyLength": JMX_KEY_BYTES,
                "salt": salt,
                "passwordHash": digest.hex(),
            }
        },
    }
    rules = yaml.safe_load((ROOT / JMX_RULES).read_text())
    return yaml.safe_dump({"httpServer": server, **rules}, sort_keys=False)


def part(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> Part:
    """The broker."""
    port = settings.port("KAFKA_PORT")
    looking = kafka_access.account(f"127.0.0.1:{port}", drawn, CONTROLPLANE)
    return Part(
        name="kafka",
        title="Kafka",
        command=(
            find_java(),
            "-Xms128m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={_folder(settings) / 'log4j2.yaml'}",
            *_agent(settings),
            "-cp",
            f"{settings.jars / 'kafka'}/*",
            "kafka.Kafka",
            str(_folder(settings) / "server.properties"),
        ),
        directory=_folder(settings),
        environment={},
        healthy=lambda _: health.kafka(looking),
        provide=lambda: kafka_access.provide(settings, drawn, variables["KAFKA_TOPIC"]),
        address=f"127.0.0.1:{port}",
        ports={
            name: settings.port(name)
            for name in ("KAFKA_PORT", "KAFKA_CONTROLLER_PORT", *(["KAFKA_METRICS_PORT"] * settings.monitoring))
        },
        reads=(
            _folder(settings) / "server.properties",
            settings.root / "locks" / "jars.json",
            *([_agent_configuration(settings), monitoring_certificates(settings.data).key_store] * settings.monitoring),
        ),
        user=service_account.name_of(service_account.SERVICES),
        # The agent reads the key store of the monitoring's certificates.
        owned=(_folder(settings), *([monitoring_folder(settings.data)] * settings.monitoring)),
        # It writes a clean-shutdown mark; without it the next start reads every segment again.
        stop_seconds=30,
    )


def prepare(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Write the configuration, and format the storage once."""
    folder = _folder(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    for program in (Path(find_java()), settings.jars / "kafka" / "archive"):
        service_account.make_reachable(program)
    configuration = folder / "server.properties"
    write_private(configuration, "".join(f"{name}={value}\n" for name, value in properties(settings, drawn).items()))
    write_private(folder / "log4j2.yaml", LOGGING)
    if settings.monitoring:
        key_store = monitoring_certificates(settings.data).key_store
        write_private(_agent_configuration(settings), agent_configuration(key_store, drawn))
    if not (folder / "data" / "meta.properties").exists():
        _format(settings, configuration)


def properties(settings: Settings, drawn: Mapping[str, str]) -> dict[str, str]:
    """What the broker is told. It holds the broker's own password, so it is a file that only its owner can read."""
    broker, controller = settings.port("KAFKA_PORT"), settings.port("KAFKA_CONTROLLER_PORT")
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "listeners": f"CLIENTS://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "inter.broker.listener.name": "CLIENTS",
        "controller.listener.names": "CONTROLLER",
        **access_properties(drawn, ("CLIENTS",)),
        "log.dirs": str(_folder(settings) / "data"),
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "num.partitions": "1",
        # One node: the internal topics can have no second copy, and few partitions keep the start short.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "log.segment.bytes": str(128 * 1024 * 1024),
        "log.retention.hours": "168",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def access_properties(drawn: Mapping[str, str], listeners: tuple[str, ...]) -> dict[str, str]:
    """Nobody gets in without an account, on the clients' `listeners` and on the controller's alike.

    Clients use SCRAM. The broker signs in to itself, and to the controller, with PLAIN (see kafka_access.py).
    """
    own = jaas_quoted(drawn["kafka_broker"])
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{kafka_access.BROKER}" password={own} user_{kafka_access.BROKER}={own};'
    )
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    named = {}
    for name in listeners:
        prefix = f"listener.name.{name.lower()}"
        named[f"{prefix}.sasl.enabled.mechanisms"] = f"{SCRAM},PLAIN"
        named[f"{prefix}.{SCRAM.lower()}.sasl.jaas.config"] = scram
        named[f"{prefix}.plain.sasl.jaas.config"] = plain
    protocols = [f"{name}:{kafka_access.PROTOCOL}" for name in (*listeners, "CONTROLLER")]
    return {
        "listener.security.protocol.map": ",".join(protocols),
        **named,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{kafka_access.BROKER};User:{kafka_access.ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
    }


def _format(settings: Settings, configuration: Path) -> None:
    tool = [
        *(find_java(), "-Xmx256m", f"-Dlog4j2.configurationFile={_folder(settings) / 'log4j2.yaml'}"),
        *("-cp", f"{settings.jars / 'kafka'}/*", "kafka.tools.StorageTool"),
    ]

    def run(*arguments: str) -> str:
        done = subprocess.run([*tool, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["no output"]
            raise InstallationError(f"Kafka's storage could not be formatted: {last[0]}")
        return done.stdout.strip().splitlines()[-1]

    run("format", "--standalone", "--cluster-id", run("random-uuid"), "--config", str(configuration))


def _folder(settings: Settings) -> Path:
    return settings.data / "kafka"
