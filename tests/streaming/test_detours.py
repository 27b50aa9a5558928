"""Records that Spark's Kafka source can't read go into bronze another way, with nothing skipped and nothing twice."""

import random

import pytest

from controlplane.accounts.models import AuditEntry, User
from controlplane.streaming.adapters.null import NullEventTopic, NullStreamEngine
from controlplane.streaming.detours import detour
from controlplane.streaming.models import Stream
from controlplane.streaming.ports import Positions, Span
from controlplane.streaming.reconciling import stream_reconcile
from controlplane.streaming.selectors import stream_get
from controlplane.streaming.services import stream_start
from spark_jobs.bronze.events.calendar import SPARK_LARGEST

NOW = 1_795_000_000_000
UNREADABLE = (-9 * 10**18, 9 * 10**18, -(2**63), 2**63 - 1, SPARK_LARGEST + 1, -SPARK_LARGEST - 1)
READABLE = (NOW, -1, 0, -(10**14), 10**14, SPARK_LARGEST, -SPARK_LARGEST)


def _topic(partitions: int) -> NullEventTopic:
    topic = NullEventTopic()
    topic.ensure(partitions)
    return topic


@pytest.mark.parametrize("seed", range(40))
def test_every_record_is_either_taken_in_or_still_to_be_read(seed: int) -> None:
    """Generated topics with gaps, read in pieces of any size."""
    draw = random.Random(seed)
    at_once = draw.randint(1, 60)
    topic, engine = _topic(3), NullStreamEngine()
    bad = 0
    for partition in range(3):
        for _ in range(draw.randint(0, 80)):
            is_bad = draw.random() < 0.05
            bad += is_bad
            topic.append(partition, b"{}", timestamp=draw.choice(UNREADABLE if is_bad else READABLE))
            if draw.random() < 0.1:
                topic.append_gap(partition, draw.randint(1, 3))
    ends = {str(one.partition): one.end for one in topic.offsets().partitions}
    starts: dict[str, int] = {}
    taken: list[tuple[int, int]] = []
    for turn in range(1000):
        engine.reached[f"c{turn}"] = Positions(starts, ends)
        found = detour(engine, topic, f"c{turn}", records=at_once)
        if found is None:
            break
        starts, text = found
        assert text
        taken += [(record.partition, record.offset) for record in engine.taken_in[f"c{turn}"]]
    left = [
        record
        for number, end in ends.items()
        for record in topic.read(Span(int(number), starts.get(number, 0), end), records=10**6, size=10**9)
    ]
    assert not any(abs(record.timestamp) > SPARK_LARGEST for record in left), "Spark would fail again"
    all_of_it = [
        (record.partition, record.offset)
        for number, end in ends.items()
        for record in topic.read(Span(int(number), 0, end), records=10**6, size=10**9)
    ]
    assert sorted(taken + [(record.partition, record.offset) for record in left]) == sorted(all_of_it)
    assert taken or not bad


@pytest.mark.parametrize("timestamp", READABLE)
def test_what_spark_can_read_is_left_to_it(timestamp: int) -> None:
    topic, engine = _topic(1), NullStreamEngine()
    topic.append(0, b"{}", timestamp=timestamp)
    engine.reached["c"] = Positions({"0": 0}, {"0": 1})
    assert detour(engine, topic, "c") is None
    assert engine.taken_in == {}


@pytest.mark.django_db
@pytest.mark.parametrize("timestamp", UNREADABLE)
def test_the_stream_goes_on_after_it(timestamp: int, operator_user: User) -> None:
    topic, engine = _topic(2), NullStreamEngine()
    stream_start(actor=operator_user)
    stream_reconcile(engine, topic)
    for partition in (0, 0, 1):
        topic.append(partition, b"{}")
    topic.append(0, b"poison", timestamp=timestamp)
    topic.append(0, b"{}")
    first = engine.started[0].checkpoint
    engine.reached[first] = Positions({"0": 0, "1": 0}, {"0": 4, "1": 1})
    engine.fail("Job aborted. long overflow")
    stream_reconcile(engine, topic)
    stream = stream_get()
    assert (stream.state, stream.problem) == ("waiting", "")
    for named in (f" {timestamp} ", " 0:2.", " 3 records "):
        assert named in stream.message
    assert [record.value for record in engine.taken_in[first]] == [b"{}", b"{}", b"poison"]
    stream_reconcile(engine, topic)
    assert stream_get().state == "running"
    # Activity says it when the stream's own message has gone.
    row = AuditEntry.objects.get(action="stream.detour")
    assert (row.actor_name, row.outcome) == ("system", "succeeded")
    assert row.detail == {"message": stream.message, "continues_at": {"0": 3, "1": 0}}
    assert engine.started[-1].starts == {"0": 3, "1": 0}
    assert engine.started[-1].checkpoint != first
    assert Stream.objects.get().starts == {}


@pytest.mark.django_db
def test_another_overflow_is_told_as_it_is(operator_user: User) -> None:
    topic, engine = _topic(1), NullStreamEngine()
    stream_start(actor=operator_user)
    stream_reconcile(engine, topic)
    topic.append(0, b"{}")
    engine.reached[engine.started[0].checkpoint] = Positions({"0": 0}, {"0": 1})
    engine.fail("long overflow")
    stream_reconcile(engine, topic)
    assert (stream_get().problem, stream_get().message) == ("query_failed", "long overflow")
