"""One suite over the null counter of tasks and the one in Redis."""

import signal
import subprocess
from collections.abc import Iterator
from functools import partial

import pytest
from redis import Redis

from compose.local.parts.redis import wheel_server
from controlplane.monitoring.adapters.null import NullTaskCounter
from controlplane.monitoring.adapters.redis import RedisTaskCounter
from controlplane.monitoring.ports import TaskCounter, TaskCounts, TaskCountsUnreachableError
from tests.ports import free_port
from tests.waiting import done_within, wait_for

QUEUES = ("control", "generator")
# Seconds: a third to connect, a third to be answered.
SOON = 0.7


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A Redis of our own."""
    program = subprocess.Popen(
        [str(wheel_server()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL
    )
    try:
        with Redis(port=port) as asking:
            wait_for(asking.ping, "Redis answers", within=10)
        yield program
    finally:
        # It may be frozen, and its counts are nobody's.
        program.kill()
        program.wait(10)


@pytest.fixture(params=["null", "redis"])
def counter(request: pytest.FixtureRequest, port: int) -> Iterator[TaskCounter]:
    """A counter that nothing was added to."""
    if request.param == "null":
        yield NullTaskCounter()
        return
    request.getfixturevalue("server")
    made = RedisTaskCounter(f"redis://127.0.0.1:{port}/0")
    yield made
    made._client.close()


@pytest.fixture(params=["null", "nothing listens", "frozen"])
def unreachable(request: pytest.FixtureRequest, port: int) -> Iterator[TaskCounter]:
    if request.param == "null":
        yield NullTaskCounter("It is away.")
        return
    if request.param == "frozen":
        request.getfixturevalue("server").send_signal(signal.SIGSTOP)
    made = RedisTaskCounter(f"redis://127.0.0.1:{port}/0")
    yield made
    made._client.close()


def test_nothing_is_counted_before_the_first_task(counter: TaskCounter) -> None:
    assert counter.read(QUEUES) == TaskCounts(waiting={"control": 0, "generator": 0})


def test_tasks_are_counted_by_name_and_outcome_and_their_seconds_by_name(counter: TaskCounter) -> None:
    # Sums of powers of two, which no way of writing them down rounds.
    for task, outcome, seconds in (
        ("a.task", "succeeded", 1.5),
        ("a.task", "succeeded", 0.25),
        ("a.task", "failed", 2.0),
        ("name with spaces", "retried", 0.0),
    ):
        counter.add(task, outcome, seconds)
    ended = {("a.task", "succeeded"): 2, ("a.task", "failed"): 1, ("name with spaces", "retried"): 1}
    seconds_spent = {"a.task": 3.75, "name with spaces": 0.0}
    assert counter.read(("control",)) == TaskCounts(ended, seconds_spent, {"control": 0})
    assert counter.read(()) == TaskCounts(ended, seconds_spent, {}), "reading takes nothing away"


def test_it_says_soon_that_the_counts_can_not_be_had(unreachable: TaskCounter) -> None:
    for ask in (partial(unreachable.add, "a.task", "succeeded", 1.0), partial(unreachable.read, QUEUES)):
        with done_within(SOON, "the question"), pytest.raises(TaskCountsUnreachableError, match=r"\w"):
            ask()


def test_what_waits_is_told_by_queue_and_all_workers_add_to_the_same_counts(
    server: "subprocess.Popen[bytes]", port: int
) -> None:
    """Of the real one only: what Celery leaves in a list, and another worker's client."""
    url = f"redis://127.0.0.1:{port}/0"
    one, another = RedisTaskCounter(url), RedisTaskCounter(url)
    with Redis.from_url(url) as celery:
        celery.rpush("control", "a message", "another")
    one.add("a.task", "succeeded", 1.0)
    another.add("a.task", "succeeded", 2.0)
    said = TaskCounts({("a.task", "succeeded"): 2}, {"a.task": 3.0}, {"control": 2, "generator": 0})
    assert one.read(QUEUES) == another.read(QUEUES) == said
    for counter in (one, another):
        counter._client.close()
