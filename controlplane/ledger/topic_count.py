"""How many records the topic took: records, not offsets.

Offsets are no count. Markers of transactions and aborted records have offsets and are no records for a reader of
committed ones. So a record is counted where it is seen: in bronze, or on the topic at an offset that bronze lacks.
Where a block of offsets is full in bronze, nothing else can be there, and the topic need not be read. What the topic
no longer keeps and bronze never had is not counted, since nobody can say how many records it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.ledger.ports import Block
from controlplane.streaming.ports import EventTopic, PartitionOffsets, Span, TopicOffsets
from spark_jobs.ledger.count import BLOCK

# So many offsets are read at most in one count. The rest is an estimate, which the next count makes better.
LOOKED_UP = 400_000


@dataclass(frozen=True)
class TopicCount:
    """Records on the topic, those that its retention has dropped since included.

    Args:
        records: all of them.
        ahead: those after the newest that bronze has, which are on their way there.
        held: offsets behind open transactions, which are not among the records.
        estimated: offsets that were not looked up; each counts as a record on its way.
        gaps: offsets that the topic keeps and that hold no record, as far as they were looked up.
        checked: by partition, block and what bronze has of it, how many records bronze lacks: what a later count need
            not look up again.
        topic_id: Kafka's id of the topic.
    """

    records: int
    ahead: int = 0
    held: int = 0
    estimated: int = 0
    gaps: int = 0
    checked: Mapping[str, int] = field(default_factory=dict)
    topic_id: str = ""


@dataclass(frozen=True)
class _Lookup:
    """Offsets that bronze lacks in part. `key` is empty where the answer may change."""

    span: Span
    in_bronze: int
    is_ahead: bool
    key: str


def topic_count(
    topic: EventTopic, offsets: TopicOffsets, blocks: list[Block], known: Mapping[str, int], looked_up: int = LOOKED_UP
) -> TopicCount:
    """Count the records of the topic.

    Args:
        blocks: what bronze has of it, counted before `offsets` were read.
        known: `checked` of the count before, of the same topic.
        looked_up: how many offsets may be read.
    """
    lookups = [lookup for one in offsets.partitions for lookup in _lookups(one, blocks)]
    checked = {lookup.key: known[lookup.key] for lookup in lookups if lookup.key in known}
    wanted: list[_Lookup] = []
    for lookup in lookups:
        size = lookup.span.end - lookup.span.start
        if lookup.key not in checked and size <= looked_up:
            wanted.append(lookup)
            looked_up -= size
    answers = dict(zip(wanted, topic.count([lookup.span for lookup in wanted]), strict=True)) if wanted else {}
    lacking = ahead = estimated = gaps = 0
    for lookup in lookups:
        size = lookup.span.end - lookup.span.start
        answer = answers.get(lookup)
        if lookup.key in checked:
            missing = checked[lookup.key]
        elif answer is not None:
            missing = max(0, answer - lookup.in_bronze)
            if lookup.key:
                checked[lookup.key] = missing
        else:
            missing = max(0, size - lookup.in_bronze)
            estimated += missing
        gaps += max(0, size - lookup.in_bronze - missing)
        lacking, ahead = (lacking, ahead + missing) if lookup.is_ahead else (lacking + missing, ahead)
    return TopicCount(
        records=sum(block.offsets for block in blocks) + lacking + ahead,
        ahead=ahead,
        held=sum(one.held for one in offsets.partitions),
        estimated=estimated,
        gaps=gaps,
        checked=checked,
        topic_id=offsets.topic_id,
    )


def _lookups(one: PartitionOffsets, blocks: list[Block]) -> list[_Lookup]:
    """Every block of a partition that bronze lacks offsets of, and what is after the newest that it has."""
    mine = {block.number: block for block in blocks if block.partition == one.partition}
    tail = max((block.next_offset for block in mine.values()), default=one.begin)
    found = []
    for number in range(one.begin // BLOCK, -(-min(tail, one.end) // BLOCK)):
        start, end = max(number * BLOCK, one.begin), min((number + 1) * BLOCK, tail, one.end)
        have = mine[number].offsets if number in mine else 0
        # Below `begin` bronze may have offsets of this block that the topic no longer keeps.
        if have < end - number * BLOCK and start < end:
            key = f"{one.partition}:{number}:{start}-{end}:{have}"
            in_bronze = min(have, end - start)
            found.append(_Lookup(Span(one.partition, start, end), in_bronze, is_ahead=False, key=key))
    start = max(tail, one.begin)
    if start < one.end:
        found.append(_Lookup(Span(one.partition, start, one.end), 0, is_ahead=True, key=""))
    return found
