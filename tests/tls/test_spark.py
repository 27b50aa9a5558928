"""Spark over TLS: its clients to the server behind a proxy that ends TLS, and its JVM to PostgreSQL and to Kafka."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine
from controlplane.streaming.ports import EngineUnreachableError
from spark_jobs.connection_string import address_of, with_parameters
from spark_jobs.errors import SparkUnreachable
from spark_jobs.kafka_client import CONTROLPLANE, GENERATOR, STREAM
from spark_jobs.session import connect
from tests.kafka import nowhere
from tests.spark_jobs.server import spark_server
from tests.tls.authority import EXPIRED, GOOD, NAME, REFUSED, UNKNOWN, Authority, problem
from tests.tls.broker import TOPIC, TlsBroker, tls_broker
from tests.tls.conftest import http_server
from tests.tls.front import tls_front

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

# How Java says it, in the cause that Spark passes on.
JAVA = {
    UNKNOWN: "PKIX path (building|validation) failed|SSL error",
    NAME: "hostname localhost could not be verified|doesn't match any of the subject alternative names",
    EXPIRED: "PKIX path validation failed|CertificateExpired|SSL error",
}


@pytest.fixture(scope="module")
def broker(authority: Authority) -> Iterator[TlsBroker]:
    with tls_broker(authority) as started:
        yield started


@pytest.fixture(scope="module")
def spark_remote(authority: Authority, broker: TlsBroker) -> Iterator[str]:
    """A server that trusts the authority, with the stream's account of the broker."""
    with spark_server(broker.variables(GOOD, STREAM)) as address:
        yield address


@pytest.fixture(scope="module")
def session(spark_remote: str) -> Iterator[SparkSession]:
    opened = connect(spark_remote, user_id="tests")
    yield opened
    opened.stop()


def _encrypted(remote: str, port: int) -> str:
    """The connection string of the front, with the token of the server behind it."""
    token = remote.partition(";token=")[2]
    return with_parameters(f"sc://localhost:{port}/;use_ssl=true", token=token)


def _engine(remote: str) -> SparkConnectStreamEngine:
    return SparkConnectStreamEngine(remote, kafka=nowhere(), topic="none", home="tests-tls")


def test_clients_reach_the_server_behind_a_proxy(spark_remote: str, trusted: Authority) -> None:
    behind = address_of(spark_remote)[1]
    with tls_front(behind, trusted.context(GOOD, ["h2"])) as port:
        remote = _encrypted(spark_remote, port)
        opened = connect(remote, user_id="tests")
        assert opened.range(3).count() == 3
        assert _engine(remote).version() == opened.version
        opened.stop()


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_certificate_is_refused_with_its_remedy(case: str, spark_remote: str, trusted: Authority) -> None:
    with tls_front(address_of(spark_remote)[1], trusted.context(case, ["h2"])) as port:
        remote = _encrypted(spark_remote, port)
        told = problem(case, "Spark Connect", f"localhost:{port}")
        with pytest.raises(SparkUnreachable) as refused:
            connect(remote)
        assert str(refused.value) == told
        with pytest.raises(EngineUnreachableError) as away:
            _engine(remote).version()
        assert str(away.value) == told


@pytest.mark.usefixtures("trusted")
def test_a_server_without_tls_gets_no_token(spark_remote: str) -> None:
    port = address_of(spark_remote)[1]
    with pytest.raises(SparkUnreachable) as refused:
        connect(_encrypted(spark_remote, port))
    assert re.fullmatch(
        rf"Spark Connect at localhost:{port} (does not use TLS\.|ends the TLS handshake\.) Enable TLS.*address\.",
        str(refused.value),
    )


@pytest.mark.parametrize("case", [GOOD, *REFUSED])
def test_the_jdbc_catalogues_driver(
    case: str, session: SparkSession, postgres_socket: Path, authority: Authority
) -> None:
    """With the parameters that `spark-defaults.conf` gets from ICEBERG_CATALOG_URI."""
    with tls_front(postgres_socket, authority.context(case), postgres=True) as port:
        url = f"jdbc:postgresql://localhost:{port}/postgres?sslmode=verify-full&sslrootcert={authority.file}"
        rows = session.read.format("jdbc").options(
            url=url, driver="org.postgresql.Driver", user="postgres", query="SELECT 42 AS answer"
        )
        if case == GOOD:
            assert [row.asDict() for row in rows.load().collect()] == [{"answer": 42}]
            return
        with pytest.raises(PySparkException, match=JAVA[case]):
            rows.load().collect()


def test_the_stream_source_reads_the_topic(session: SparkSession, broker: TlsBroker) -> None:
    from controlplane.streaming.adapters.kafka import KafkaEventTopic

    KafkaEventTopic(broker.client(GOOD, CONTROLPLANE), TOPIC, seconds=30).ensure(1)
    producer = Producer({**broker.client(GOOD, GENERATOR).librdkafka(), "acks": "all"})
    producer.produce(TOPIC, b"over TLS")
    assert producer.flush(30) == 0
    source = session.read.format("kafka").options(**broker.client(GOOD, STREAM).spark_options())
    rows = source.option("subscribe", TOPIC).option("startingOffsets", "earliest").load()
    assert [bytes(row.value) for row in rows.collect()] == [b"over TLS"]


@pytest.mark.parametrize("case", REFUSED)
def test_the_stream_source_refuses_a_wrong_certificate(case: str, session: SparkSession, broker: TlsBroker) -> None:
    source = session.read.format("kafka").options(**broker.client(case, STREAM).spark_options())
    with pytest.raises(PySparkException, match="SslAuthenticationException: SSL handshake failed"):
        source.option("subscribe", TOPIC).load().collect()


@pytest.mark.parametrize("case", [GOOD, *REFUSED])
def test_object_storage_is_verified_by_the_trust_store(
    case: str, session: SparkSession, postgres_socket: Path, authority: Authority
) -> None:
    """The JDBC catalogue, over TLS, is to register a table whose metadata Iceberg's S3 client reads over https."""
    name = f"storage_{case}"
    with (
        http_server({}) as (behind, seen),
        tls_front(behind, authority.context(case)) as port,
        tls_front(postgres_socket, authority.context(GOOD), postgres=True) as database,
    ):
        url = f"jdbc:postgresql://localhost:{database}/postgres?sslmode=verify-full&sslrootcert={authority.file}"
        properties = {
            "": "org.apache.iceberg.spark.SparkCatalog",
            ".type": "jdbc",
            ".uri": url,
            ".jdbc.user": "postgres",
            ".jdbc.schema-version": "V1",
            ".warehouse": "s3://bucket/warehouse",
            ".io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            ".s3.endpoint": f"https://localhost:{port}",
            ".s3.access-key-id": "key",
            ".s3.secret-access-key": "secret",
            ".s3.path-style-access": "true",
            ".client.region": "us-east-1",
        }
        for key, value in properties.items():
            session.conf.set(f"spark.sql.catalog.{name}{key}", value)
        session.sql(f"CREATE NAMESPACE {name}.tests")
        with pytest.raises(PySparkException) as failed:
            session.sql(
                f"CALL {name}.system.register_table('tests.x', 's3://bucket/warehouse/x.metadata.json')"
            ).collect()
    if case == GOOD:
        # It came through, to a server that has no such object.
        assert {path for _, path, _ in seen} == {"/bucket/warehouse/x.metadata.json"}
    else:
        assert seen == []
        assert re.search(JAVA[case], str(failed.value))
