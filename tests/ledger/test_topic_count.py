"""Records are counted, not offsets: over gaps, behind open transactions, and after a topic was replaced."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.health.services import observation_record
from controlplane.ledger.adapters.null import NullLakeCounter
from controlplane.ledger.ports import Block, Counted, LakeCounts
from controlplane.ledger.selectors import gaps_known
from controlplane.ledger.services import ledger_take
from controlplane.ledger.topic_count import TopicCount, topic_count
from controlplane.scenarios.models import ScenarioRun
from controlplane.streaming import probes
from controlplane.streaming.adapters.null import NullEventTopic
from controlplane.streaming.models import Stream, TopicLoss
from controlplane.streaming.selectors import stream_get
from spark_jobs.ledger.count import BLOCK
from tests.adapters import Adapters
from tests.ledger.books import LAKE, NOW, RUN
from tests.pages import Visitor


def _blocks(topic: NullEventTopic, in_bronze: dict[int, set[int]]) -> list[Block]:
    found: dict[tuple[int, int], list[int]] = {}
    for partition, offsets in in_bronze.items():
        for offset in offsets:
            found.setdefault((partition, offset // BLOCK), []).append(offset)
    return [Block(*place, len(offsets), max(offsets) + 1) for place, offsets in sorted(found.items())]


def _count(topic: NullEventTopic, in_bronze: dict[int, set[int]], **more: int) -> TopicCount:
    return topic_count(topic, topic.offsets(), _blocks(topic, in_bronze), {}, **more)


def _topic(*partitions: int) -> NullEventTopic:
    topic = NullEventTopic()
    topic.ensure(len(partitions))
    for number, records in enumerate(partitions):
        for _ in range(records):
            topic.append(number, b"{}")
    return topic


@pytest.mark.parametrize("seed", range(60))
def test_the_count_is_that_of_the_records_whatever_lies_between_them(seed: int) -> None:
    draw = random.Random(seed)
    topic = _topic(0, 0, 0)
    records: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for partition, offsets in records.items():
        at = 0
        for _ in range(draw.choice((0, 3, 50, 400))):
            if draw.random() < 0.2:
                size = draw.choice((1, 2, 5, BLOCK, 2 * BLOCK + 7))
                topic.append_gap(partition, size)
                at += size
            topic.append(partition, b"{}")
            offsets.append(at)
            at += 1
        topic.append_gap(partition, draw.choice((0, 1, 9)))
    # Bronze has read some of each partition, and may have lost a record on the way.
    read = {partition: draw.randint(0, len(offsets)) for partition, offsets in records.items()}
    lost = {partition: draw.random() < 0.3 and read[partition] > 2 for partition in records}
    in_bronze = {
        partition: set(offsets[: read[partition]]) - ({offsets[1]} if lost[partition] else set())
        for partition, offsets in records.items()
    }
    found = _count(topic, in_bronze, looked_up=10**9)
    assert found.records == sum(map(len, records.values()))
    assert found.ahead == sum(len(offsets) - read[partition] for partition, offsets in records.items())
    assert found.estimated == 0
    assert found.gaps == topic.offsets().span - found.records
    again = topic_count(topic, topic.offsets(), _blocks(topic, in_bronze), found.checked, looked_up=10**9)
    assert again == found, "what was looked up before is known"


def test_a_topic_without_gaps_is_not_read() -> None:
    topic = _topic(3 * BLOCK, 10)
    in_bronze = {0: set(range(3 * BLOCK)), 1: set(range(10))}

    def nobody(_: object) -> list[int | None]:
        raise AssertionError("it was read")

    topic.count = nobody  # type: ignore[method-assign,assignment]
    assert _count(topic, in_bronze) == TopicCount(3 * BLOCK + 10, topic_id=topic.offsets().topic_id)


def test_more_than_can_be_looked_up_is_an_estimate_and_said_to_be_one() -> None:
    topic = _topic(50)
    topic.append_gap(0, 30)
    found = _count(topic, {}, looked_up=20)
    assert (found.records, found.ahead, found.estimated) == (80, 80, 80)


def test_expired_records_count_where_bronze_has_them() -> None:
    topic = _topic(100)
    topic.expire(0, 60)
    assert _count(topic, {0: set(range(80))}).records == 100
    assert _count(topic, {0: set(range(80))}).ahead == 20


def test_offsets_behind_an_open_transaction_are_no_records_yet() -> None:
    topic = _topic(100)
    topic.hold(0)
    for _ in range(7):
        topic.append(0, b"{}")
    found = _count(topic, {0: set(range(100))})
    assert (found.records, found.ahead, found.held) == (100, 0, 7)


def _lines(statement: object) -> dict[str, dict[str, object]]:
    return {line["key"]: line for line in statement.lines}  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_gaps_are_not_on_their_way_for_ever(counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun) -> None:
    for partition, gap in ((0, 4), (1, 1)):
        topic.append_gap(partition, gap)
    statement = ledger_take(actor=None)
    assert statement.balanced
    assert (statement.document["flow"]["topic"], statement.document["flow"]["on_the_way"]) == (990, 0)


@pytest.mark.django_db
def test_the_overview_counts_records_once_the_ledger_has(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, adapters: Adapters
) -> None:
    topic.append_gap(0, 4)
    adapters.use(event_topic=topic)
    Stream.objects.filter(pk=stream_get().pk).update(state="running", end_offsets={"0": 499, "1": 495})
    assert probes.kafka(gaps_known).detail["records"] == 994
    ledger_take(actor=None)
    reading = probes.kafka(gaps_known)
    assert (reading.detail["records"], reading.summary) == (990, "990 records in 2 partitions.")
    observation_record(part="kafka", reading=reading)
    assert probes.lag_now(stream_get()) == 0


@pytest.mark.django_db
def test_acknowledged_records_behind_an_open_transaction_are_awaited(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    topic.hold(0)
    topic.append(0, b"in the transaction")
    for _ in range(5):
        topic.append(0, b"{}")
    ScenarioRun.objects.update(generated=1005, acknowledged=995)
    statement = ledger_take(actor=None)
    line = _lines(statement)["topic"]
    assert (line["holds"], line["note"]) == (
        None, "Waiting: 5 acknowledged records are behind an open transaction on the topic.",
    )  # fmt: skip
    assert _lines(statement)["bronze"]["holds"] is True
    assert statement.verdict == "waiting"
    ScenarioRun.objects.update(generated=1007, acknowledged=997)
    assert _lines(ledger_take(actor=None))["topic"]["holds"] is False, "there are six offsets, and seven are missing"


@pytest.mark.django_db
def test_a_record_that_bronze_lost_is_not_on_its_way(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    counter.counts = replace(
        LAKE,
        bronze=Counted(989, {RUN: 989}),
        silver=Counted(949, {RUN: 949}),
        blocks=(Block(0, 0, 494, 495), Block(1, 0, 495, 495)),
    )
    line = _lines(ledger_take(actor=None))["bronze"]
    assert (line["holds"], line["difference"]) == (False, 1)


def _after_replacement(rows: int) -> LakeCounts:
    """Bronze has 990 rows, so many of them of the new topic."""
    return replace(LAKE, blocks=(Block(0, 0, rows, rows),) if rows else ())


def _new_topic(topic: NullEventTopic, records: int) -> None:
    topic.delete()
    topic.ensure(2)
    for _ in range(records):
        topic.append(0, b"{}")


@pytest.mark.django_db
@pytest.mark.parametrize("lost", [0, 1, 2807])
def test_after_a_topic_was_replaced_the_books_balance(
    lost: int, counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    ScenarioRun.objects.update(generated=1000 + lost, acknowledged=990 + lost)
    stream_get()
    Stream.objects.update(topic_since=timezone.now())
    if lost:
        TopicLoss.objects.create(checkpoint_number=1, problem="topic_replaced", records=lost)
    _new_topic(topic, 0)
    counter.counts = _after_replacement(0)
    statement = ledger_take(actor=None)
    assert statement.balanced
    left_out = statement.document["left_out"]
    assert left_out["lost_records"] == lost
    assert [one["id"] for one in left_out["runs"]] == ([RUN] if lost else [])
    assert statement.document["flow"]["topic"] == 990


@pytest.mark.django_db
def test_records_of_the_new_topic_are_counted_beside_the_earlier_ones(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    """Also where the query took in ten of them before the topic was recognised: these are there twice."""
    stream_get()
    Stream.objects.update(topic_since=timezone.now())
    _new_topic(topic, 15)
    counter.counts = replace(
        LAKE,
        bronze=Counted(1015, {RUN: 990, "": 25}),
        copies=Counted(10, {"": 10}),
        silver=Counted(965, {RUN: 950, "": 15}),
        duplicates=Counted(25, {RUN: 15, "": 10}),
        blocks=(Block(0, 0, 15, 15),),
    )
    statement = ledger_take(actor=None)
    assert [line["key"] for line in statement.lines if line["holds"] is not True] == []
    assert statement.document["flow"]["topic"] == 1005


@pytest.mark.django_db
def test_more_than_what_is_known_to_be_gone_stays_a_difference(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    ScenarioRun.objects.update(generated=1100, acknowledged=1090)
    stream_get()
    Stream.objects.update(topic_since=timezone.now())
    TopicLoss.objects.create(checkpoint_number=1, problem="topic_replaced", records=40)
    _new_topic(topic, 0)
    counter.counts = _after_replacement(0)
    line = _lines(ledger_take(actor=None))["topic"]
    assert (line["holds"], line["difference"]) == (False, 100)


@pytest.mark.django_db
def test_a_run_that_began_afterwards_is_compared(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun
) -> None:
    TopicLoss.objects.create(checkpoint_number=1, problem="offsets_expired", records=40, at=NOW - timedelta(hours=1))
    ScenarioRun.objects.update(generated=1010, acknowledged=1000)
    assert _lines(ledger_take(actor=None))["topic"]["difference"] == 10


@pytest.mark.django_db
def test_the_page_says_which_runs_are_left_out(
    counter: NullLakeCounter, topic: NullEventTopic, run: ScenarioRun, viewer: Visitor
) -> None:
    ScenarioRun.objects.update(generated=3807, acknowledged=3797)
    TopicLoss.objects.create(checkpoint_number=1, problem="topic_replaced", records=2900)
    ledger_take(actor=None)
    left_out = viewer.page("/ledger/").part("left-out")
    assert left_out.text.startswith("2,807 ")
    assert list(left_out.links.values()) == [f"/scenarios/runs/{RUN}/"]
    assert viewer.get("/api/v1/ledger").json()["left_out"]["lost_records"] == 2807
