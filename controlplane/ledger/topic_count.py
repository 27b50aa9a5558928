"""Counts the records ever written to the topic: records, not offsets.

Offsets are not a record count: transaction markers and aborted records have offsets, but are no records for a
read_committed consumer. So a record is counted where it is found: in bronze, or on the topic at an offset that bronze
lacks. If bronze has all offsets of a block, the topic need not be read. Offsets that the topic no longer retains and
bronze never had are not counted, since their number of records is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.ledger.ports import Block
from controlplane.streaming.ports import EventTopic, PartitionOffsets, Span, TopicOffsets
from spark_jobs.ledger.count import BLOCK

# The limit of offsets read in one count. The rest is estimated, and the next count improves the estimate.
LOOKED_UP = 400_000


@dataclass(frozen=True)
class TopicCount:
    """Records ever written to the topic, including expired ones.

    Args:
        records: the total.
        ahead: records after the newest one in bronze, which have not reached bronze yet.
        held: offsets behind open transactions, which are not in `records`.
        estimated: offsets that were not read; each counts as a record that has not reached bronze yet.
        gaps: retained offsets without a record, as far as they were read.
        checked: the number of records that bronze lacks, by partition, block and bronze's offsets of it: a later count
            need not read these again.
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
    """A span of which bronze lacks offsets. `key` is empty if the answer may change."""

    span: Span
    in_bronze: int
    is_ahead: bool
    key: str


def topic_count(
    topic: EventTopic, offsets: TopicOffsets, blocks: list[Block], known: Mapping[str, int], looked_up: int = LOOKED_UP
) -> TopicCount:
    """Count the records of the topic.

    Args:
        blocks: the offsets in bronze, counted before `offsets` were read.
        known: `checked` of the previous count of the same topic.
        looked_up: the limit of offsets to read.
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
    """The blocks of a partition of which bronze lacks offsets, and the span after bronze's newest offset."""
    mine = {block.number: block for block in blocks if block.partition == one.partition}
    tail = max((block.next_offset for block in mine.values()), default=one.begin)
    found = []
    for number in range(one.begin // BLOCK, -(-min(tail, one.end) // BLOCK)):
        start, end = max(number * BLOCK, one.begin), min((number + 1) * BLOCK, tail, one.end)
        have = mine[number].offsets if number in mine else 0
        # Below `begin` bronze may have offsets of this block that the topic no longer retains.
        if have < end - number * BLOCK and start < end:
            key = f"{one.partition}:{number}:{start}-{end}:{have}"
            in_bronze = min(have, end - start)
            found.append(_Lookup(Span(one.partition, start, end), in_bronze, is_ahead=False, key=key))
    start = max(tail, one.begin)
    if start < one.end:
        found.append(_Lookup(Span(one.partition, start, one.end), 0, is_ahead=True, key=""))
    return found
