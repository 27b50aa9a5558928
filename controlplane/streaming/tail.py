"""The newest records of the topic: the only synchronous read of Kafka in a request."""

from controlplane.errors import UnreachableError
from controlplane.streaming.ports import EventTopicError, TopicMissingError, TopicRecord
from controlplane.streaming.providers import event_topic


def topic_tail(count: int) -> list[TopicRecord]:
    """The newest records, newest first; an empty list if the topic does not exist yet.

    Raises:
        UnreachableError: no broker responds.
    """
    try:
        return event_topic().tail(count)
    except TopicMissingError:
        return []
    except EventTopicError as error:
        remedy = "Check the status of Kafka on the Overview page."
        raise UnreachableError(f"Messages can't be read from Kafka: {error}", remedy) from error
