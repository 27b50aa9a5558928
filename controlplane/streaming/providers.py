"""Adapters of the streaming room: the stream engine and the topic that it reads."""

from django.conf import settings

from controlplane.provider import Provider
from controlplane.streaming.ports import EventTopic, StreamEngine
from spark_jobs.kafka_client import CONTROLPLANE, STREAM


@Provider
def stream_engine() -> StreamEngine:
    """The engine that runs the stream."""
    from controlplane.streaming.adapters.spark_connect import SparkConnectStreamEngine

    return SparkConnectStreamEngine(
        settings.SPARK_REMOTE_WITH_TOKEN,
        kafka=settings.KAFKA_CLIENTS[STREAM],
        topic=settings.KAFKA_TOPIC,
        home=settings.CHECKPOINTS,
    )


@Provider
def event_topic() -> EventTopic:
    """The topic that the stream reads."""
    from controlplane.streaming.adapters.kafka import KafkaEventTopic

    return KafkaEventTopic(settings.KAFKA_CLIENTS[CONTROLPLANE], settings.KAFKA_TOPIC)
