"""Whether the topic is still the one that the stream's checkpoint reads, and what is lost where it is not.

A topic that was deleted and created again counts its offsets from 0; one with a short retention, or whose brokers lost
what they had, no longer holds the offset that comes next. Spark notices some of this, and advises to ignore it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.streaming.models import Stream
from controlplane.streaming.ports import TopicOffsets

Problem = Stream.Problem


@dataclass(frozen=True)
class TopicChange:
    """What is wrong. `lost` records are not in bronze and not on the topic, at most: offsets are counted.

    `read` is how far the stream had come, by partition.
    """

    problem: Problem
    lost: int
    message: str
    read: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {"problem": str(self.problem), "lost": self.lost, "read": dict(self.read)}


def topic_change(stream: Stream, topic: str, now: TopicOffsets | None, read: Mapping[str, int]) -> TopicChange | None:
    """How the topic has changed since the stream read it; None where the stream can go on.

    Args:
        now: the topic's offsets; None when the topic is missing.
        read: how far the checkpoint has come, by partition.
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
            f"The topic {topic} no longer keeps the records that the stream would read next: {places}. "
            f"{_at_most(lost)} expired before they were in bronze, and are lost. "
            "A new checkpoint continues with the oldest records that are left; nothing is read twice."
        )
        return TopicChange(Problem.OFFSETS_EXPIRED, lost, text, read)
    beyond = {
        number: offset - partitions[number].tip
        for number, offset in read.items()
        if number in partitions and offset > partitions[number].tip
    }
    if beyond:
        text = (
            f"The topic {topic} ends before the offset that the stream would read next: "
            f"{_places(beyond, read, partitions, 'tip')}. The brokers have lost records that bronze has. "
            "A new checkpoint continues at the end of the topic; records that were written there since are not read."
        )
        return TopicChange(Problem.OFFSETS_BEYOND_END, 0, text, read)
    return None


def starts_after(change: Mapping[str, Any], now: TopicOffsets) -> dict[str, int]:
    """From which offsets a new checkpoint goes on after this change; empty: from the earliest."""
    if change.get("problem") not in (Problem.OFFSETS_EXPIRED, Problem.OFFSETS_BEYOND_END):
        return {}
    read: Mapping[str, int] = change["read"]
    return {
        str(one.partition): min(max(read.get(str(one.partition), one.begin), one.begin), one.end)
        for one in now.partitions
    }


def _replaced(topic: str, now: TopicOffsets | None, lost: int) -> str:
    what = (
        f"The topic {topic} was deleted."
        if now is None
        else f"The topic {topic} is not the one that the checkpoint reads: it was deleted and created again."
    )
    gone = (
        f"{_at_most(lost)} of the deleted topic were not in bronze, and are lost."
        if lost
        else "Every record of the deleted topic that was seen there is in bronze."
    )
    then = (
        "A new checkpoint creates the topic and reads it from its first record."
        if now is None
        else f"A new checkpoint reads the new topic from its first record ({now.span:,} offsets now)."
    )
    return f"{what} {gone} Bronze keeps its rows. {then}"


def _places(
    found: Mapping[str, int], read: Mapping[str, int], partitions: Mapping[str, Any], edge: str, shown: int = 5
) -> str:
    numbers = sorted(found, key=int)
    said = [
        f"partition {number} at offset {read[number]:,}, where the topic "
        f"{'begins' if edge == 'begin' else 'ends'} at {getattr(partitions[number], edge):,}"
        for number in numbers[:shown]
    ]
    more = f" and {len(numbers) - shown} more" if len(numbers) > shown else ""
    return ", ".join(said) + more


def _at_most(records: int) -> str:
    return f"At most {records:,} record{'' if records == 1 else 's'}"
