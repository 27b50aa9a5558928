"""One suite over the null engine and the one on Spark Connect."""

import socket
import uuid
from collections.abc import Iterator

import pytest

from controlplane.streaming.adapters.null import NullStreamEngine
from controlplane.streaming.ports import EngineUnreachableError, QueryRef, StartRequest, StreamEngine
from spark_jobs.kafka_client import KafkaClient
from tests.kafka import let_the_stream_read, nowhere
from tests.stack import Stack
from tests.waiting import done_within, wait_for


def spark_engine(remote: str, kafka: KafkaClient, topic: str) -> StreamEngine:
    from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine

    return SparkConnectStreamEngine(remote, kafka=kafka, topic=topic, home=f"contract {uuid.uuid4()}")


@pytest.fixture(params=["null", pytest.param("spark", marks=pytest.mark.stack)])
def engine(request: pytest.FixtureRequest) -> Iterator[StreamEngine]:
    if request.param == "null":
        yield NullStreamEngine()
        return
    from controlplane.streaming.adapters.kafka import KafkaEventTopic

    stack: Stack = request.getfixturevalue("stack")
    # A topic of its own that stays empty: the query writes into the installation's bronze table.
    topic = f"contract.{uuid.uuid4()}"
    KafkaEventTopic(stack.kafka, topic).ensure(1)
    let_the_stream_read(stack.kafka, topic)
    engine = spark_engine(stack.connections["spark_remote"], stack.kafka, topic)
    yield engine
    engine.stop()


@pytest.fixture
def order(request: pytest.FixtureRequest, engine: StreamEngine) -> StartRequest:
    folder = "file:///null"
    if not isinstance(engine, NullStreamEngine):
        stack: Stack = request.getfixturevalue("stack")
        folder = (stack.data / "checkpoints").as_uri()
    return StartRequest(uuid.uuid4(), f"{folder}/contract-{uuid.uuid4()}", 1, 1000, 1)


def test_it_says_its_version(engine: StreamEngine) -> None:
    assert engine.version()


def test_nothing_runs_before_a_start(engine: StreamEngine) -> None:
    assert engine.active() is None


def test_a_start_runs_until_it_is_stopped(engine: StreamEngine, order: StartRequest) -> None:
    engine.prepare(order.checkpoint)
    started = engine.start(order)
    active = engine.active()
    assert active is not None
    assert active.ref == started.ref
    assert engine.failure(started.ref) is None
    engine.stop()
    assert engine.active() is None
    assert engine.failure(started.ref) is None


def test_a_second_start_gives_the_query_that_runs(engine: StreamEngine, order: StartRequest) -> None:
    engine.prepare(order.checkpoint)
    assert engine.start(order).ref == engine.start(order).ref


def test_the_checkpoint_is_found_once_it_is_there_and_keeps_the_query_id(
    engine: StreamEngine, order: StartRequest
) -> None:
    assert engine.prepare(order.checkpoint).checkpoint_found is False
    first = engine.start(order)
    engine.stop()
    assert engine.prepare(order.checkpoint).checkpoint_found is True
    second = engine.start(order)
    assert second.ref.query_id == first.ref.query_id
    assert second.ref.run_id != first.ref.run_id


def test_stopping_what_does_not_run_is_no_error(engine: StreamEngine) -> None:
    engine.stop()
    assert engine.active() is None


def test_a_query_that_it_never_knew_has_no_reports_and_no_failure(engine: StreamEngine) -> None:
    nobody = QueryRef(str(uuid.uuid4()), str(uuid.uuid4()))
    assert engine.progress(nobody) == []
    assert engine.failure(nobody) is None


@pytest.mark.stack
def test_another_process_finds_the_query_in_its_session(stack: Stack) -> None:
    from controlplane.streaming.adapters.kafka import KafkaEventTopic
    from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine

    topic = f"contract.{uuid.uuid4()}"
    KafkaEventTopic(stack.kafka, topic).ensure(1)
    let_the_stream_read(stack.kafka, topic)
    home = f"contract {uuid.uuid4()}"

    def anew() -> SparkConnectStreamEngine:
        return SparkConnectStreamEngine(stack.connections["spark_remote"], kafka=stack.kafka, topic=topic, home=home)

    checkpoint = f"{(stack.data / 'checkpoints').as_uri()}/contract-{uuid.uuid4()}"
    first = anew()
    first.prepare(checkpoint)
    started = first.start(StartRequest(uuid.uuid4(), checkpoint, 1, 1000, 1))
    second = anew()
    try:
        active = second.active()
        assert active is not None
        assert active.ref == started.ref
        [report, *_] = wait_for(lambda: second.progress(started.ref), "the query reports", within=30)
        assert report.ref == started.ref
    finally:
        second.stop()
    assert first.active() is None


@pytest.mark.stack
def test_a_client_that_closed_itself_is_replaced(stack: Stack) -> None:
    # So it does when the server says that it was restarted, and every other thread is left with a closed one.
    engine = spark_engine(stack.connections["spark_remote"], stack.kafka, "none")
    assert engine.active() is None
    engine._session.client._closed = True  # type: ignore[attr-defined]
    assert engine.active() is None
    assert engine.version()


@pytest.mark.stack
def test_a_session_that_was_ended_for_good_gives_way_to_the_next(stack: Stack) -> None:
    engine = spark_engine(stack.connections["spark_remote"], stack.kafka, "none")
    assert engine.active() is None
    engine._session.client.release_session()  # type: ignore[attr-defined]
    assert engine.active() is None
    assert engine.version()


def test_a_server_that_is_away_is_told_at_once() -> None:
    from controlplane.streaming.adapters.spark_connect import LOOK_SECONDS

    with done_within(LOOK_SECONDS, "the look"), pytest.raises(EngineUnreachableError):
        spark_engine("sc://127.0.0.1:1", nowhere(), "none").active()


def test_a_server_that_takes_the_call_and_says_nothing_costs_its_deadline_and_no_more() -> None:
    from controlplane.streaming.adapters.spark_connect import LOOK_SECONDS

    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = spark_engine(f"sc://127.0.0.1:{silent.getsockname()[1]}", nowhere(), "none")
        with done_within(LOOK_SECONDS, "the look"), pytest.raises(EngineUnreachableError):
            engine.active()
