"""Redis over TLS: the pages' question, the task counters and Celery's own transport."""

import pytest
from kombu import Connection

from controlplane.health.adapters import redis as adapter
from controlplane.health.adapters.redis import RedisBroker
from controlplane.health.ports import BrokerUnreachableError
from controlplane.monitoring.adapters.redis import RedisTaskCounter
from spark_jobs.tls import redis_url
from tests.tls.authority import GOOD, REFUSED, Authority, problem
from tests.tls.front import tls_front


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine needs longer for a handshake than a page waits."""
    monkeypatch.setattr(adapter, "TIMEOUT_SECONDS", 30)
    monkeypatch.setattr("controlplane.monitoring.adapters.redis.TIMEOUT_SECONDS", 30)


def _url(port: int) -> str:
    return redis_url("REDIS_URL", f"rediss://:secret@localhost:{port}/0")


def test_pages_and_celery_reach_a_trusted_server(redis_port: int, trusted: Authority) -> None:
    with tls_front(redis_port, trusted.context(GOOD)) as port:
        broker = RedisBroker(_url(port))
        assert broker.ask().version.count(".") == 2
        broker._client.close()
        counter = RedisTaskCounter(_url(port))
        counter.add("tests.task", "succeeded", 2.0)
        assert counter.read(()).ended == {("tests.task", "succeeded"): 1}
        counter._client.close()
        with Connection(_url(port)) as connection:
            assert connection.info()["ssl"]
            queue = connection.SimpleQueue("tests-tls")
            queue.put({"sent": "over TLS"})
            message = queue.get(timeout=30)
            assert message.payload == {"sent": "over TLS"}
            message.ack()
            queue.close()


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_certificate_is_refused_with_its_remedy(case: str, redis_port: int, trusted: Authority) -> None:
    with tls_front(redis_port, trusted.context(case)) as port:
        with pytest.raises(BrokerUnreachableError) as refused:
            RedisBroker(_url(port)).ask()
        assert str(refused.value) == problem(case, "Redis", f"localhost:{port}")
        with Connection(_url(port)) as connection, pytest.raises(Exception, match="certificate verify failed"):
            connection.ensure_connection(max_retries=1, timeout=5)


def test_without_the_setting_the_authority_is_unknown(redis_port: int, authority: Authority) -> None:
    with tls_front(redis_port, authority.context(GOOD)) as port, pytest.raises(BrokerUnreachableError) as refused:
        RedisBroker(_url(port)).ask()
    assert str(refused.value) == problem("unknown", "Redis", f"localhost:{port}")


@pytest.mark.usefixtures("trusted")
def test_a_server_without_tls_is_refused(redis_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis waits for the end of the command that it takes the handshake for, so there is no answer."""
    monkeypatch.setattr(adapter, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(BrokerUnreachableError) as refused:
        RedisBroker(_url(redis_port)).ask()
    assert str(refused.value) == "TimeoutError: Timeout connecting to server"
