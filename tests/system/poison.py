"""Records that no rule of the generator would make, put on the topic beside its own."""

import json
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from spark_jobs.kafka_client import KafkaClient

POISON: dict[str, tuple[bytes | None, str]] = {
    "not JSON": (b"\x00\xff\xfe not json at all", "malformed_json"),
    "empty": (b"", "empty_record"),
    "a tombstone": (None, "empty_record"),
    "900 KB long": (json.dumps({"event_id": str(uuid4()), "query": "x" * 900_000}).encode(), "oversized"),
    "900 KB of opening brackets": (b"[" * 900_000, "oversized"),
    "a JSON null": (b"null", "not_an_object"),
    "a list": (b"[1, 2, 3]", "not_an_object"),
    "cut short": (b'{"event_id": "1", "event_ty', "malformed_json"),
}


def send_poison(kafka: KafkaClient, topic: str) -> dict[tuple[int, int], str]:
    """Send each once: the reason each should be rejected for, by partition and offset."""
    sent: dict[tuple[int, int], str] = {}
    producer = Producer({**kafka.librdkafka(), "message.max.bytes": 1_000_000})

    def delivered(reason: str) -> Any:
        def note(error: Any, message: Any) -> None:
            assert error is None, error
            sent[(message.partition(), message.offset())] = reason

        return note

    for value, reason in POISON.values():
        producer.produce(topic, value=value, key=b"poison", on_delivery=delivered(reason))
    assert producer.flush(30) == 0
    assert len(sent) == len(POISON)
    return sent
