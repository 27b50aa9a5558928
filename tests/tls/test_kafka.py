"""Kafka over TLS: the control plane's look at the topic, and the generator's."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from controlplane.scenarios.generator import kafka as generator
from controlplane.scenarios.generator.errors import BrokerUnreachableError
from controlplane.streaming.adapters.kafka import KafkaEventTopic
from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine
from controlplane.streaming.ports import TopicUnreachableError
from spark_jobs.kafka_client import CONTROLPLANE, GENERATOR, STREAM
from tests.tls.authority import GOOD, REFUSED, Authority, problem
from tests.tls.broker import PLAIN, TOPIC, TlsBroker, tls_broker

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def broker(authority: Authority) -> Iterator[TlsBroker]:
    with tls_broker(authority) as started:
        yield started


def test_the_topic_is_made_written_and_read(broker: TlsBroker) -> None:
    topic = KafkaEventTopic(broker.client(GOOD, CONTROLPLANE), TOPIC, seconds=30)
    assert topic.ensure(1)
    account = broker.client(GOOD, GENERATOR)
    producer = Producer({**account.librdkafka(), "acks": "all"})
    producer.produce(TOPIC, b"over TLS")
    assert producer.flush(30) == 0
    assert [record.value for record in topic.tail(1)] == [b"over TLS"]
    assert generator.start_offsets(account, TOPIC) == {0: 1}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_certificate_is_refused_with_its_remedy(
    case: str, broker: TlsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = problem(case, "Kafka", broker.server(case))
    with pytest.raises(TopicUnreachableError) as refused:
        KafkaEventTopic(broker.client(case, CONTROLPLANE), TOPIC, seconds=6).offsets()
    assert str(refused.value) == told
    monkeypatch.setattr(generator, "_ANSWER_SECONDS", 6)
    with pytest.raises(BrokerUnreachableError) as stopped:
        generator.start_offsets(broker.client(case, GENERATOR), TOPIC)
    assert f"{stopped.value.message} {stopped.value.remedy}" == told
    # The stream's failure, of which Java says this and no more.
    engine = SparkConnectStreamEngine("sc://localhost", kafka=broker.client(case, STREAM), topic=TOPIC, home="tests")
    failure = "[STREAM_FAILED] Query terminated with exception: SSL handshake failed"
    assert engine._explained(failure) == told


def test_a_listener_without_tls_is_refused(broker: TlsBroker) -> None:
    with pytest.raises(TopicUnreachableError) as refused:
        KafkaEventTopic(broker.client(PLAIN, CONTROLPLANE), TOPIC, seconds=6).offsets()
    assert str(refused.value) == (
        f"Kafka at {broker.server(PLAIN)} ends the TLS handshake. Enable TLS 1.2 or later on the server, or correct "
        "the address."
    )
