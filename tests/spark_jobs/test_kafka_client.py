"""Each program signs in to Kafka with its own account, and no account's password is shown."""

import pytest

from spark_jobs.kafka_client import CONTROLPLANE, GENERATOR, ROLES, STREAM, KafkaClient, jaas_quoted, kafka_client

OWN = {
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
    "PLAINTEXT_HOSTS": "broker",
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    **{f"KAFKA_{role.upper()}_USERNAME": role for role in ROLES},
    **{f"KAFKA_{role.upper()}_PASSWORD": f"{role}'s" for role in ROLES},
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_its_account(role: str) -> None:
    assert kafka_client(role, OWN).librdkafka() == {
        "bootstrap.servers": "broker:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": role,
        "sasl.password": f"{role}'s",
    }


def test_one_account_can_serve_all() -> None:
    shared = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "KAFKA_USERNAME": "me", "KAFKA_PASSWORD": "secret"}
    shared |= {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SSL_CA": "/etc/ca.pem"}
    for role in ROLES:
        told = kafka_client(role, shared).librdkafka()
        assert (told["sasl.username"], told["sasl.password"], told["ssl.ca.location"]) == (
            "me",
            "secret",
            "/etc/ca.pem",
        )
    assert kafka_client(STREAM, shared | {"KAFKA_STREAM_USERNAME": "other"}).username == "other"


def test_a_broker_without_accounts_is_reached_as_before() -> None:
    plain = kafka_client(GENERATOR, {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"})
    assert plain.librdkafka() == {"bootstrap.servers": "broker:9092"}
    assert plain.spark_options() == {"kafka.bootstrap.servers": "broker:9092"}
    assert plain.jaas() == ""


def test_the_password_is_in_sparks_login_file_and_in_none_of_its_options() -> None:
    client = kafka_client(STREAM, OWN)
    assert client.spark_options() == {
        "kafka.bootstrap.servers": "broker:9092",
        "kafka.security.protocol": "SASL_PLAINTEXT",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
    }
    assert "ScramLoginModule required" in client.jaas()
    assert 'password="stream\'s";' in client.jaas()


def test_a_shown_account_has_no_password() -> None:
    client = kafka_client(CONTROLPLANE, OWN)
    assert "controlplane's" not in f"{client!r} {client}"
    assert KafkaClient("broker:9092", password="x") != KafkaClient("broker:9092", password="y")


def test_a_quote_ends_no_string_of_a_login_file() -> None:
    assert jaas_quoted('a"; b\\') == '"a\\"; b\\\\"'
