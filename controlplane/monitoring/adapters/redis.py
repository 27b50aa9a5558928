"""Counts of tasks in the Redis that carries them."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.monitoring.ports import TaskCounts, TaskCountsUnreachableError

TIMEOUT_SECONDS = 0.3
ENDED, SECONDS = "lakehouse.tasks.ended", "lakehouse.tasks.seconds"


class RedisTaskCounter:
    """Two hashes: `name outcome` -> count, and name -> seconds."""

    def __init__(self, url: str) -> None:
        self._client: Any = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def add(self, task: str, outcome: str, seconds: float) -> None:
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.hincrby(ENDED, f"{task} {outcome}", 1)
                pipe.hincrbyfloat(SECONDS, task, seconds)
                pipe.execute()
        except (RedisError, OSError) as error:
            raise TaskCountsUnreachableError(f"{type(error).__name__}: {error}") from error

    def read(self, queues: tuple[str, ...]) -> TaskCounts:
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.hgetall(ENDED)
                pipe.hgetall(SECONDS)
                for queue in queues:
                    pipe.llen(queue)
                ended, seconds, *waiting = pipe.execute()
        except (RedisError, OSError) as error:
            raise TaskCountsUnreachableError(f"{type(error).__name__}: {error}") from error
        return TaskCounts(
            ended={_pair(name): int(count) for name, count in ended.items()},
            seconds={name: float(spent) for name, spent in seconds.items()},
            waiting=dict(zip(queues, waiting, strict=True)),
        )


def _pair(name: str) -> tuple[str, str]:
    task, _, outcome = name.rpartition(" ")
    return task, outcome
