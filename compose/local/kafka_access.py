"""Who may do what on the embedded Kafka: an account a program, an account a role of people, and the rights of each.

Accounts sign in with SCRAM-SHA-512 (RFC 5802), which never sends a password. Only the broker itself, and this module
on its behalf, uses PLAIN. SCRAM accounts live in Kafka's metadata, which a broker that is not running yet can't read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compose.local import health, processes
from compose.local.settings import Settings
from spark_jobs.kafka_client import CONTROLPLANE, GENERATOR, SCRAM, STREAM, KafkaClient

BROKER, ADMIN = "broker", "admin"
VIEWER, OPERATOR = "viewer", "operator"
# People's accounts, one a role. An admin's has every right.
PEOPLE = (VIEWER, OPERATOR, ADMIN)
ACCOUNTS = (GENERATOR, STREAM, CONTROLPLANE, *PEOPLE)
PROTOCOL = "SASL_PLAINTEXT"
ITERATIONS = 8192
SECONDS = 5.0

# On the event topic. A right to read or write includes the right to describe, and is needed to look up offsets.
TOPIC_RIGHTS: Mapping[str, tuple[str, ...]] = {
    # It reads what is there when it takes up a run that was killed.
    GENERATOR: ("WRITE", "READ"),
    STREAM: ("READ",),
    CONTROLPLANE: ("CREATE", "READ", "DESCRIBE_CONFIGS"),
    VIEWER: ("READ", "DESCRIBE_CONFIGS"),
    OPERATOR: ("READ", "WRITE", "DESCRIBE_CONFIGS"),
}
# The consumer groups that each may use, by how their names begin.
GROUPS: Mapping[str, str] = {
    GENERATOR: "scenario-",
    STREAM: "spark-kafka-source-",
    CONTROLPLANE: "controlplane-",
    VIEWER: "viewer-",
    OPERATOR: "operator-",
}


def account(bootstrap_servers: str, drawn: Mapping[str, str], name: str) -> KafkaClient:
    """The account `name` (one of `ACCOUNTS`) on the embedded broker."""
    return KafkaClient(bootstrap_servers, PROTOCOL, SCRAM, name, drawn[f"kafka_{name}"])


def provide(settings: Settings, drawn: Mapping[str, str], topic: str) -> str:
    """Make the accounts and their rights as they should be; "" when done, else what is still missing.

    Rights that an account had before and should not have now are taken away. It can be called at any time.
    """
    port = settings.port("KAFKA_PORT")
    if missing := health.listens("127.0.0.1", port):
        return missing
    # PLAIN sends the broker's password: never to a program that took the port while the broker was down.
    if not processes.is_held_by(port, settings.data):
        return f"port {port} is used by a program outside this installation"
    return grant(f"127.0.0.1:{port}", drawn, topic)


def grant(bootstrap_servers: str, drawn: Mapping[str, str], topic: str) -> str:
    """As `provide`, on the broker at `bootstrap_servers`, to which PLAIN may be sent."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import (  # type: ignore[attr-defined]
        AclBindingFilter,
        AclOperation,
        AclPermissionType,
        AdminClient,
        ResourcePatternType,
        ResourceType,
        ScramCredentialInfo,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

    broker = KafkaClient(bootstrap_servers, PROTOCOL, "PLAIN", BROKER, drawn["kafka_broker"])
    admin = AdminClient({**broker.librdkafka(), "log_level": 0})
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    wanted = set(bindings(topic))
    # The stubs say that a filter must name everything; `None` stands for any.
    anything: Any = None
    everything = AclBindingFilter(
        *(ResourceType.ANY, anything, ResourcePatternType.ANY, anything, anything),
        *(AclOperation.ANY, AclPermissionType.ANY),
    )
    try:
        upserted = admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(name, info, drawn[f"kafka_{name}"].encode()) for name in ACCOUNTS],
            request_timeout=SECONDS,
        )
        for answer in upserted.values():
            answer.result(SECONDS)
        known = set(admin.describe_acls(everything, request_timeout=SECONDS).result(SECONDS))
        ours = {binding for binding in known if binding.principal in {f"User:{name}" for name in ACCOUNTS}}
        for answer in _each(admin.create_acls, sorted(wanted - known)):
            answer.result(SECONDS)
        for answer in _each(admin.delete_acls, [_filter_of(binding) for binding in sorted(ours - wanted)]):
            answer.result(SECONDS)
    except (KafkaException, TimeoutError) as error:
        return f"the accounts are not set up yet ({_reason(error)})"
    return ""


def bindings(topic: str) -> list[Any]:
    """Every right that there should be (`AclBinding`s)."""
    from confluent_kafka.admin import (  # type: ignore[attr-defined]
        AclBinding,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    def allow(name: str, kind: Any, resource: str, pattern: Any, right: str) -> Any:
        operation = AclOperation[right]
        return AclBinding(kind, resource, pattern, f"User:{name}", "*", operation, AclPermissionType.ALLOW)

    literal, prefixed = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
    return [
        *(
            allow(name, ResourceType.TOPIC, topic, literal, right)
            for name, rights in TOPIC_RIGHTS.items()
            for right in rights
        ),
        *(allow(name, ResourceType.GROUP, prefix, prefixed, "READ") for name, prefix in GROUPS.items()),
    ]


def _each(call: Any, items: list[Any]) -> list[Any]:
    """The answers to a call that takes a list, which must not be empty."""
    return list(call(items, request_timeout=SECONDS).values()) if items else []


def _filter_of(binding: Any) -> Any:
    from confluent_kafka.admin import AclBindingFilter  # type: ignore[attr-defined]

    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _reason(error: Exception) -> str:
    said: Any = error.args[0] if error.args else None
    return str(said.str() if hasattr(said, "str") else error) or type(error).__name__
