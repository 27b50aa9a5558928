"""Sends Kafka records that confluent-kafka's producer does not accept: header names of any bytes."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from confluent_kafka import cimpl

from spark_jobs.kafka_client import KafkaClient

_PRODUCER, _TOPIC, _PARTITION, _VALUE, _TIMESTAMP, _FLAGS, _HEADER, _COPY = 0, 1, 3, 4, 8, 7, 9, 2
_library = ctypes.CDLL(cimpl.__file__)


class _Argument(ctypes.Structure):
    """rd_kafka_vu_t: a type, then a union of 64 bytes."""

    _fields_ = (("type", ctypes.c_int), ("words", ctypes.c_uint64 * 8))


class Send(Protocol):
    """Sends one record and waits for its acknowledgement; a timestamp of None is the current time."""

    def __call__(
        self,
        topic: str,
        value: bytes,
        headers: Sequence[tuple[bytes, bytes | None]],
        *,
        timestamp: int | None = None,
    ) -> None: ...


def _function(name: str, result: Any, *arguments: Any) -> Any:
    found = _library[name]
    found.restype, found.argtypes = result, arguments
    return found


@contextmanager
def raw_producer(client: KafkaClient) -> Iterator[Send]:
    """A producer for partition 0, through the C interface of librdkafka (`rdkafka.h`)."""
    pointer, text, number, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
    conf_set = _function("rd_kafka_conf_set", number, pointer, text, text, text, size)
    produceva = _function("rd_kafka_produceva", pointer, pointer, pointer, size)
    flush = _function("rd_kafka_flush", number, pointer, number)
    destroy = _function("rd_kafka_destroy", None, pointer)
    problem = ctypes.create_string_buffer(512)
    conf = _function("rd_kafka_conf_new", pointer)()
    for name, value in client.librdkafka().items():
        assert conf_set(conf, name.encode(), str(value).encode(), problem, 512) == 0, problem.value
    handle = _function("rd_kafka_new", pointer, number, pointer, text, size)(_PRODUCER, conf, problem, 512)
    assert handle, problem.value

    def send(
        topic: str,
        value: bytes,
        headers: Sequence[tuple[bytes, bytes | None]],
        *,
        timestamp: int | None = None,
    ) -> None:
        kept = []

        def address(content: bytes) -> int:
            kept.append(ctypes.create_string_buffer(content))
            return ctypes.addressof(kept[-1])

        arguments = [(_TOPIC, address(topic.encode())), (_PARTITION, 0), (_FLAGS, _COPY)]
        arguments += [(_VALUE, address(value), len(value))]  # type: ignore[list-item]
        if timestamp is not None:
            arguments += [(_TIMESTAMP, timestamp)]
        for name, content in headers:
            held = (0, 0) if content is None else (address(content), len(content))
            arguments += [(_HEADER, address(name), *held)]  # type: ignore[list-item]
        array = (_Argument * len(arguments))()
        for argument, (kind, *words) in zip(array, arguments, strict=True):
            argument.type = kind
            for place, word in enumerate(words):
                argument.words[place] = word & (2**64 - 1)
        assert not produceva(handle, ctypes.addressof(array), len(arguments))
        assert flush(handle, 20_000) == 0

    try:
        yield send
    finally:
        destroy(handle)
