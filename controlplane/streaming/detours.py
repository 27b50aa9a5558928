"""Writes records that Spark's Kafka source can't read to bronze, so that no timestamp stops the stream."""

import logging

from controlplane.streaming.ports import EventTopic, Span, StreamEngine, TopicRecord
from spark_jobs.bronze.events.calendar import is_readable_by_spark

log = logging.getLogger(__name__)

# Limits of one detour. Remaining records are left to the next one.
RECORDS = 20_000
BYTES = 32 * 1024 * 1024


def detour(
    engine: StreamEngine, topic: EventTopic, checkpoint: str, *, records: int = RECORDS
) -> tuple[dict[str, int], str] | None:
    """Take the unreadable records of the batch that failed into bronze, with those before them; at most `records` of
    each partition.

    Returns the start offsets of a new checkpoint by partition, and a description of what was done; None if the batch
    has no such record.
    """
    positions = engine.positions(checkpoint)
    if positions is None:
        return None
    starts = dict(positions.done)
    taken: list[TopicRecord] = []
    unreadable: list[TopicRecord] = []
    for number, end in positions.planned.items():
        one = next((each for each in topic.offsets().partitions if str(each.partition) == number), None)
        if one is None:
            continue
        begin = starts.setdefault(number, one.begin)
        found = topic.read(Span(int(number), begin, end), records=records, size=BYTES)
        wrong = [place for place, record in enumerate(found) if not is_readable_by_spark(record.timestamp)]
        unreadable += [found[place] for place in wrong]
        # A span that was not read to its end may hold one further on.
        is_whole = len(found) < records and sum(record.content_size for record in found) < BYTES
        found = found[: wrong[-1] + 1 if wrong else 0] if is_whole or wrong else found
        if found:
            taken += found
            starts[number] = found[-1].offset + 1
    if not taken:
        return None
    engine.take_in(taken, checkpoint=checkpoint)
    text = _words(unreadable, len(taken))
    log.warning("%s", text)
    return starts, text


def _words(unreadable: list[TopicRecord], taken: int) -> str:
    if not unreadable:
        return f"{taken:,} records were written to bronze ahead of a record whose timestamp Spark can't read."
    first = unreadable[0]
    more = f" and {len(unreadable) - 1:,} more" if len(unreadable) > 1 else ""
    return (
        f"Spark can't read the timestamp {first.timestamp} of record {first.partition}:{first.offset}{more}. "
        f"{taken:,} record{'' if taken == 1 else 's'} up to this offset {'was' if taken == 1 else 'were'} written to "
        "bronze without Spark's Kafka source. The stream continues after them."
    )
