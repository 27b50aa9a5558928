"""A topic that no longer fits the checkpoint is recognised; what is lost is said in numbers, and one action helps."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.streaming.adapters.null import NullEventTopic, NullStreamEngine
from controlplane.streaming.models import Stream, TopicLoss
from controlplane.streaming.ports import Positions, StartPreconditions
from controlplane.streaming.reconciling import stream_reconcile
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_start
from tests.labels import Stream as Labels
from tests.pages import Visitor

pytestmark = pytest.mark.django_db

Pass = Callable[[], Stream]
# Options of Spark's that people can't set here.
NOT_OURS = ("failOnDataLoss", "startingOffsets", "source option")


@pytest.fixture
def engine() -> NullStreamEngine:
    return NullStreamEngine()


@pytest.fixture
def topic() -> NullEventTopic:
    """Two partitions with 100 and 60 records."""
    found = NullEventTopic()
    found.ensure(2)
    _fill(found, 100, 60)
    return found


def _fill(topic: NullEventTopic, *records: int) -> None:
    for partition, count in enumerate(records):
        for _ in range(count):
            topic.append(partition, b"{}")


@pytest.fixture
def reconciled(engine: NullStreamEngine, topic: NullEventTopic) -> Pass:
    def run() -> Stream:
        Stream.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        stream_reconcile(engine, topic)
        return stream_get()

    return run


@pytest.fixture
def read(engine: NullStreamEngine, reconciled: Pass, operator_user: User) -> Stream:
    """The stream runs, and has read 90 and 60 records of the topic."""
    stream_start(actor=operator_user)
    stream = reconciled()
    _reached(engine, stream, {"0": 90, "1": 60})
    return reconciled()


def _reached(engine: NullStreamEngine, stream: Stream, offsets: dict[str, int]) -> None:
    engine.report(stream.last_batch_id + 1, 10, offsets)
    engine.reached[engine.started[-1].checkpoint] = Positions(offsets, offsets)
    engine.ground = StartPreconditions(bronze_rows=sum(offsets.values()), checkpoint_found=True)


def _replaced(topic: NullEventTopic, *records: int) -> None:
    topic.delete()
    if records:
        topic.ensure(len(records))
        _fill(topic, *records)


@pytest.mark.parametrize("records", [(0, 0), (5, 5), (500, 500), (90, 60), (3,), (1, 2, 3)], ids=str)
def test_a_topic_that_was_created_again_stops_the_stream(
    read: Stream,
    records: tuple[int, ...],
    topic: NullEventTopic,
    engine: NullStreamEngine,
    reconciled: Pass,
    admin_user: User,
) -> None:
    """Also one with as many records as before, which Spark would go on with in the middle."""
    _replaced(topic, *records)
    stream = reconciled()
    assert (stream.state, stream.problem, engine.active()) == ("failed", "topic_replaced", None)
    assert Labels.CREATED_AGAIN in stream.message
    assert " 10 records" in stream.message
    assert f" {sum(records):,} offsets)" in stream.message
    assert stream.topic_change["lost"] == 10
    assert reconciled().problem == "topic_replaced", "it stays so until somebody chooses"

    stream_start(actor=admin_user, reset_checkpoint=True)
    stream = reconciled()
    assert (stream.state, stream.problem, stream.topic_change) == ("running", "", {})
    assert (engine.started[-1].starts, len(engine.started)) == ({}, 2)
    assert engine.started[-1].checkpoint != engine.started[0].checkpoint
    assert stream.topic_since is not None
    assert TopicLoss.objects.values_list("problem", "records").get() == ("topic_replaced", 10)
    assert reconciled().state == "running"


def test_a_deleted_topic_is_not_created_behind_anybodys_back(
    read: Stream, topic: NullEventTopic, reconciled: Pass, admin_user: User
) -> None:
    topic.delete()
    stream = reconciled()
    assert (stream.state, stream.problem) == ("failed", "topic_replaced")
    assert Labels.DELETED in stream.message
    assert Labels.CREATED_AGAIN not in stream.message
    assert topic.ensure(1) is True, "it was still missing"
    topic.delete()
    stream_start(actor=admin_user, reset_checkpoint=True)
    assert reconciled().state == "running"
    assert topic.ensure(1) is False


def test_nothing_was_lost_where_bronze_had_it_all(
    read: Stream, topic: NullEventTopic, engine: NullStreamEngine, reconciled: Pass
) -> None:
    _reached(engine, read, {"0": 100, "1": 60})
    reconciled()
    _replaced(topic, 1, 1)
    stream = reconciled()
    assert Labels.NOTHING_LOST in stream.message
    assert stream.topic_change["lost"] == 0


def test_a_topic_replaced_while_the_stream_was_stopped(
    read: Stream, topic: NullEventTopic, engine: NullStreamEngine, reconciled: Pass, admin_user: User
) -> None:
    engine.restart()
    Stream.objects.update(desired="stopped")
    reconciled()
    _replaced(topic, 700, 800)
    stream_start(actor=admin_user)
    assert reconciled().problem == "topic_replaced"
    assert len(engine.started) == 1


def test_a_start_anew_from_a_stopped_stream_notices_the_other_topic(
    read: Stream, topic: NullEventTopic, engine: NullStreamEngine, reconciled: Pass, admin_user: User
) -> None:
    engine.stop()
    Stream.objects.update(desired="stopped", state="stopped", query_run_id="")
    _replaced(topic, 7, 8)
    stream_start(actor=admin_user, reset_checkpoint=True)
    stream = reconciled()
    assert (stream.state, stream.topic_id) == ("running", topic.offsets().topic_id)
    assert stream.topic_since is not None


@pytest.mark.parametrize(
    ("begins", "lost", "starts"),
    [
        ({0: 95}, 5, {"0": 95, "1": 60}),
        ({0: 100}, 10, {"0": 100, "1": 60}),
        ({0: 91, 1: 60}, 1, {"0": 91, "1": 60}),
    ],
    ids=["one partition", "all of it", "by one"],
)
def test_records_that_expired_before_they_were_read(
    read: Stream,
    begins: dict[int, int],
    lost: int,
    starts: dict[str, int],
    topic: NullEventTopic,
    engine: NullStreamEngine,
    reconciled: Pass,
    admin_user: User,
) -> None:
    for partition, begin in begins.items():
        topic.expire(partition, begin)
    engine.fail('Some data may have been lost. Set the source option "failOnDataLoss" to "false".')
    reconciled()
    stream = reconciled()
    assert (stream.state, stream.problem, stream.topic_change["lost"]) == ("failed", "offsets_expired", lost)
    assert f" {lost} record" in stream.message
    assert "partition 0 at offset 90" in stream.message
    assert f"{Labels.BEGINS_AT} {begins[0]}" in stream.message
    stream_start(actor=admin_user, reset_checkpoint=True)
    stream = reconciled()
    assert (stream.state, engine.started[-1].starts, stream.topic_since) == ("running", starts, None)
    assert TopicLoss.objects.get().records == lost


def test_what_expired_after_it_was_read_is_no_problem(
    read: Stream, topic: NullEventTopic, engine: NullStreamEngine, reconciled: Pass
) -> None:
    topic.expire(0, 90)
    engine.restart()
    reconciled()
    assert reconciled().state == "running"


def test_a_topic_that_was_cut_off(
    read: Stream, topic: NullEventTopic, engine: NullStreamEngine, reconciled: Pass, admin_user: User
) -> None:
    topic.truncate(0, 40)
    engine.fail("Partition ecommerce.events-0's offset was changed from 90 to 40")
    reconciled()
    stream = reconciled()
    assert stream.problem == "offsets_beyond_end"
    assert "partition 0 at offset 90" in stream.message
    assert f"{Labels.ENDS_AT} 40" in stream.message
    stream_start(actor=admin_user, reset_checkpoint=True)
    reconciled()
    assert engine.started[-1].starts == {"0": 40, "1": 60}


@pytest.mark.parametrize("problem", ["topic_replaced", "offsets_expired", "offsets_beyond_end"])
def test_the_page_and_the_api_offer_the_restart_with_its_numbers(
    read: Stream, problem: str, topic: NullEventTopic, engine: NullStreamEngine, reconciled: Pass, operator: Visitor
) -> None:
    change = {
        "topic_replaced": lambda: _replaced(topic, 1, 1),
        "offsets_expired": lambda: topic.expire(0, 95),
        "offsets_beyond_end": lambda: topic.truncate(0, 40),
    }
    change[problem]()
    engine.restart()
    reconciled()
    stream = reconciled()
    assert stream.problem == problem
    page = operator.page("/stream/")
    assert stream.message.partition(".")[0] in page
    assert not any(option in page.html for option in NOT_OURS)
    told = operator.get("/api/v1/stream").json()
    assert (told["problem"], told["lost"]) == (problem, stream.topic_change["lost"])
    assert page.action(Labels.RESTART).press().status_code == 302
    assert reconciled().state == "running"
    assert operator.get("/api/v1/stream").json()["lost"] is None
