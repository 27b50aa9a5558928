"""Detects whether the topic still matches the stream's checkpoint, and what was lost if it does not.

The offsets of a recreated topic start at 0. A topic with a short retention, or whose brokers lost data, no longer
holds the next offset. Spark notices some of these cases, and recommends to ignore them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.streaming.models import Stream
from controlplane.streaming.ports import TopicOffsets

Problem = Stream.Problem


@dataclass(frozen=True)
class TopicChange:
    """The problem. `lost` is an upper bound, in offsets, of the records that are neither in bronze nor on the topic.

    `read` are the stream's offsets by partition.
    """

    problem: Problem
    lost: int
    message: str
    read: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The change as it is stored with the stream."""
        return {"problem": str(self.problem), "lost": self.lost, "read": dict(self.read)}


def topic_change(stream: Stream, topic: str, now: TopicOffsets | None, read: Mapping[str, int]) -> TopicChange | None:
    """How the topic changed since the stream read it; None if the stream can continue.

    Args:
        now: the topic's offsets; None if the topic does not exist.
        read: the offsets of the checkpoint by partition.
    """
    if stream.topic_id and (now is None or now.topic_id != stream.topic_id):
        lost = sum(max(0, end - read.get(number, 0)) for number, end in stream.topic_ends.items())
        return TopicChange(Problem.TOPIC_REPLACED, lost, _replaced(topic, now, lost), read)
    if now is None:
        return None
    partitions = {str(one.partition): one for one in now.partitions}
    expired = {
        number: partitions[number].begin - offset
        for number, offset in read.items()
        if number in partitions and offset < partitions[number].begin
    }
    if expired:
        lost, places = sum(expired.values()), _places(expired, read, partitions, "begin")
        text = (
            f"Topic {topic} no longer retains the records that the stream would read next: {places}. "
            f"{_at_most(lost)} expired before they reached bronze, and are lost. "
            "A new checkpoint continues with the oldest retained records. No record is read twice."
        )
        return TopicChange(Problem.OFFSETS_EXPIRED, lost, text, read)
    beyond = {
        number: offset - partitions[number].tip
        for number, offset in read.items()
        if number in partitions and offset > partitions[number].tip
    }
    if beyond:
        text = (
            f"Topic {topic} ends before the offset that the stream would read next: "
            f"{_places(beyond, read, partitions, 'tip')}. The brokers lost records that are in bronze. "
            "A new checkpoint continues at the end of the topic. Records written since the loss are not read."
        )
        return TopicChange(Problem.OFFSETS_BEYOND_END, 0, text, read)
    return None


def starts_after(change: Mapping[str, Any], now: TopicOffsets) -> dict[str, int]:
    """The start offsets of a new checkpoint after this change; empty: earliest."""
    if change.get("problem") not in (Problem.OFFSETS_EXPIRED, Problem.OFFSETS_BEYOND_END):
        return {}
    read: Mapping[str, int] = change["read"]
    return {
        str(one.partition): min(max(read.get(str(one.partition), one.begin), one.begin), one.end)
        for one in now.partitions
    }


def _replaced(topic: str, now: TopicOffsets | None, lost: int) -> str:
    what = (
        f"Topic {topic} was deleted."
        if now is None
        else f"Topic {topic} does not match the checkpoint: it was deleted and created again."
    )
    gone = (
        f"{_at_most(lost)} of the deleted topic had not reached bronze, and are lost."
        if lost
        else "Every known record of the deleted topic is in bronze."
    )
    then = (
        "A restart with a new checkpoint creates the topic and reads it from its first record."
        if now is None
        else f"A new checkpoint reads the new topic from its first record (currently {now.span:,} offsets)."
    )
    return f"{what} {gone} Rows in bronze are kept. {then}"


def _places(
    found: Mapping[str, int], read: Mapping[str, int], partitions: Mapping[str, Any], edge: str, shown: int = 5
) -> str:
    numbers = sorted(found, key=int)
    said = [
        f"partition {number} at offset {read[number]:,} (topic "
        f"{'starts' if edge == 'begin' else 'ends'} at {getattr(partitions[number], edge):,})"
        for number in numbers[:shown]
    ]
    more = f" and {len(numbers) - shown} more" if len(numbers) > shown else ""
    return ", ".join(said) + more


def _at_most(records: int) -> str:
    return f"At most {records:,} record{'' if records == 1 else 's'}"
