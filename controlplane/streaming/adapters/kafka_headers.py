"""Headers of single records, through the C interface of librdkafka.

Header names are bytes on the wire. `Message.headers()` of confluent-kafka fails if one of them is not UTF-8, and the
other headers of the record are lost with it. Such a record is read again here. The functions are those of `rdkafka.h`;
the library is the one that `confluent_kafka` ships.
"""

import ctypes
import os
import time
import weakref
from typing import Any

from confluent_kafka import cimpl

from controlplane.streaming.ports import EventTopicError, Headers, TopicUnreachableError

# From the position of the consumer, a record so many offsets ahead is reached by reading on.
NEAR = 500
_CONSUMER, _CONF_OK, _NO_ERROR = 1, 0, 0
_POLL_MILLISECONDS = 100
_SETTINGS = {
    "group.id": "controlplane-headers",
    "enable.auto.commit": "false",
    # The offset is known: it may be behind an open transaction.
    "isolation.level": "read_uncommitted",
    "fetch.wait.max.ms": "10",
}
_library = ctypes.CDLL(cimpl.__file__)


class _Message(ctypes.Structure):
    """rd_kafka_message_t."""

    _fields_ = (
        ("error", ctypes.c_int),
        ("topic", ctypes.c_void_p),
        ("partition", ctypes.c_int32),
        ("value", ctypes.c_void_p),
        ("value_size", ctypes.c_size_t),
        ("key", ctypes.c_void_p),
        ("key_size", ctypes.c_size_t),
        ("offset", ctypes.c_int64),
        ("private", ctypes.c_void_p),
    )


def _function(name: str, result: Any, *arguments: Any) -> Any:
    found = _library[name]
    found.restype, found.argtypes = result, arguments
    return found


_pointer, _text, _int, _int32, _size = (
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.c_int32,
    ctypes.c_size_t,
)
_message = ctypes.POINTER(_Message)
_conf_new = _function("rd_kafka_conf_new", _pointer)
_conf_set = _function("rd_kafka_conf_set", _int, _pointer, _text, _text, _text, _size)
_conf_destroy = _function("rd_kafka_conf_destroy", None, _pointer)
_conf_set_log = _function("rd_kafka_conf_set_log_cb", None, _pointer, _pointer)
_new = _function("rd_kafka_new", _pointer, _int, _pointer, _text, _size)
_destroy = _function("rd_kafka_destroy", None, _pointer)
_list_new = _function("rd_kafka_topic_partition_list_new", _pointer, _int)
_list_add = _function("rd_kafka_topic_partition_list_add", _pointer, _pointer, _text, _int32)
_list_set_offset = _function("rd_kafka_topic_partition_list_set_offset", _int, _pointer, _text, _int32, ctypes.c_int64)
_list_destroy = _function("rd_kafka_topic_partition_list_destroy", None, _pointer)
_assign = _function("rd_kafka_assign", _int, _pointer, _pointer)
_consumer_poll = _function("rd_kafka_consumer_poll", _message, _pointer, _int)
_message_destroy = _function("rd_kafka_message_destroy", None, _message)
_message_headers = _function("rd_kafka_message_headers", _int, _message, ctypes.POINTER(_pointer))
_header_get_all = _function(
    "rd_kafka_header_get_all",
    _int,
    _pointer,
    _size,
    ctypes.POINTER(_text),
    ctypes.POINTER(_pointer),
    ctypes.POINTER(_size),
)
_error_text = _function("rd_kafka_err2str", _text, _int)


class HeaderReader:
    """Reads headers by partition and offset. It connects at the first read.

    Args:
        settings: those of a confluent-kafka client; callbacks are ignored.
        deadline: of all reads together, by the monotonic clock.
    """

    def __init__(self, settings: dict[str, Any], topic: str, deadline: float) -> None:
        self._settings = {
            **{name: _setting(value) for name, value in settings.items() if not callable(value)},
            **_SETTINGS,
        }
        self._topic = topic.encode()
        self._deadline = deadline
        self._handle: int | None = None
        self._at: tuple[int, int] | None = None

    def read(self, partition: int, offset: int) -> Headers:
        """The headers of a record, with U+FFFD for the bytes of a name that are not UTF-8, as Kafka's Java client
        decodes it. Empty if the record is no longer on the topic.

        Raises:
            TopicUnreachableError: the deadline has passed.
            EventTopicError: the broker rejects the request.
        """
        if self._handle is None:
            self._handle = _connected(self._settings)
            weakref.finalize(self, _end, os.getpid(), self._handle)
        if self._at is None or self._at[0] != partition or not self._at[1] <= offset < self._at[1] + NEAR:
            self._assign(partition, offset)
        while time.monotonic() < self._deadline:
            message = _consumer_poll(self._handle, _POLL_MILLISECONDS)
            if not message:
                continue
            try:
                found = message.contents
                if found.error != _NO_ERROR:
                    raise EventTopicError(_error_text(found.error).decode())
                self._at = (partition, found.offset + 1)
                if found.offset >= offset:
                    return _headers_of(message) if found.offset == offset else ()
            finally:
                _message_destroy(message)
        raise TopicUnreachableError(f"Kafka did not return the headers of record {partition}:{offset} in time.")

    def _assign(self, partition: int, offset: int) -> None:
        wanted = _list_new(1)
        try:
            _list_add(wanted, self._topic, partition)
            _list_set_offset(wanted, self._topic, partition, offset)
            error = _assign(self._handle, wanted)
        finally:
            _list_destroy(wanted)
        if error != _NO_ERROR:
            raise EventTopicError(_error_text(error).decode())
        self._at = (partition, offset)


def _end(process: int, handle: int) -> None:
    """End the client, in the process that has started it: a fork has none of the client's threads to wait for."""
    if os.getpid() == process:
        _destroy(handle)


def _setting(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _connected(settings: dict[str, str]) -> int:
    problem = ctypes.create_string_buffer(512)
    configuration = _conf_new()
    _conf_set_log(configuration, None)
    for name, value in settings.items():
        if _conf_set(configuration, name.encode(), value.encode(), problem, len(problem)) != _CONF_OK:
            _conf_destroy(configuration)
            raise ValueError(problem.value.decode())
    handle: int | None = _new(_CONSUMER, configuration, problem, len(problem))
    if not handle:
        _conf_destroy(configuration)
        raise ValueError(problem.value.decode())
    return handle


def _headers_of(message: Any) -> Headers:
    headers = _pointer()
    if _message_headers(message, ctypes.byref(headers)) != _NO_ERROR:
        return ()
    found: list[tuple[str, bytes | None]] = []
    name, value, size = _text(), _pointer(), _size()
    while True:
        position = len(found)
        error = _header_get_all(headers, position, ctypes.byref(name), ctypes.byref(value), ctypes.byref(size))
        if error != _NO_ERROR:
            return tuple(found)
        content = None if value.value is None else ctypes.string_at(value.value, size.value)
        found.append(((name.value or b"").decode(errors="replace"), content))
