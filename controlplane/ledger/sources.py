"""The book that is in no database: what the topic took."""

from controlplane import wiring
from controlplane.streaming.ports import EventTopicError, TopicMissingError


def topic_records() -> tuple[int | None, str]:
    """How many records the topic ever took, those that its retention has dropped included; or None and why not."""
    try:
        offsets = wiring.event_topic().offsets()
    except TopicMissingError:
        return 0, ""
    except EventTopicError as error:
        return None, f"Kafka can't be asked: {error}"
    return sum(partition.end for partition in offsets.partitions), ""
