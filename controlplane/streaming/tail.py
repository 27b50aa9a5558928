"""The newest records of the topic: the one look at Kafka that a person waits for."""

from controlplane.errors import UnreachableError
from controlplane.streaming.ports import EventTopicError, TopicMissingError, TopicRecord
from controlplane.streaming.providers import event_topic


def topic_tail(count: int) -> list[TopicRecord]:
    """The newest records, newest first; none where the topic is not there yet.

    Raises:
        UnreachableError: no broker answers.
    """
    try:
        return event_topic().tail(count)
    except TopicMissingError:
        return []
    except EventTopicError as error:
        raise UnreachableError(f"Kafka shows no records: {error}", "See whether the part kafka is up.") from error
