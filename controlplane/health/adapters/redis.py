"""Redis, the broker of Celery."""

from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.health.ports import BrokerNow, BrokerUnreachableError
from spark_jobs.certificates import certificate_problem

TIMEOUT_SECONDS = 0.3


class RedisBroker:
    """The Redis at an address such as `redis://:password@host:6379/0`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = f"{parts.hostname}:{parts.port or 6379}"
        self._client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def ask(self) -> BrokerNow:
        try:
            told = self._client.info()
        except (RedisError, OSError) as error:
            self._client.close()
            raise BrokerUnreachableError(
                certificate_problem(error, "Redis", self._address) or f"{type(error).__name__}: {error}"
            ) from error
        assert isinstance(told, dict)
        # Valkey also reports the version of Redis that it is compatible with.
        valkey = told.get("valkey_version")
        name, version = ("Valkey", valkey) if valkey else ("Redis", told.get("redis_version", ""))
        return BrokerNow(name, str(version), int(told.get("used_memory_rss", 0)))
