"""Calls librdkafka, the library under `confluent_kafka`, with a block of records at a time.

A Python call per record, with headers and a callback, takes several times as long as the library needs for the record.
Here, one loop compiled by numba produces a block, and another one processes the delivery reports. They use the public C
interface of the library (`rdkafka.h`: `rd_kafka_produceva`, `rd_kafka_vu_t`, `rd_kafka_message_t`); the library is the
one that `confluent_kafka` ships.

Importing this module takes a second or two. The loops are compiled once and then loaded from numba's cache.
"""

import ctypes
import math
import os
import weakref
from dataclasses import dataclass
from typing import Any

import llvmlite.binding
import numpy as np
import numpy.typing as npt
from confluent_kafka import cimpl
from numba import cfunc, njit, types

from controlplane.scenarios.generator.delivery import Latencies, Rows
from controlplane.scenarios.generator.records import Block

Numbers = npt.NDArray[np.int64]

QUEUE_FULL = -184
# The latency of one in this many records is measured.
_LATENCY_OF_EVERY = 16

# Constants of the library: rd_kafka_type_t, rd_kafka_vtype_t, RD_KAFKA_MSG_F_*, RD_KAFKA_PURGE_F_*.
_PRODUCER = 0
_TOPIC, _PARTITION, _VALUE, _KEY, _OPAQUE, _FLAGS, _HEADER = 2, 3, 4, 5, 6, 7, 9
_COPY = 2
_PURGE_ALL = 1 | 2
_CONF_OK = 0
# An argument of rd_kafka_produceva: its type, then a union of 64 bytes.
_ARGUMENT_WORDS = 9
_ARGUMENTS = (_TOPIC, _PARTITION, _VALUE, _KEY, _OPAQUE, _FLAGS, _HEADER, _HEADER)
_DIGITS = 20
# 64-bit words of rd_kafka_message_t: the error is in the lower half of the first, `_private` is the last.
_MESSAGE_OPAQUE = 8

# Layout of the report buffer: delivered, failed, latencies, then (number, error) of each failed record. It is emptied
# after each poll, so it never holds more failures than the queue holds records.
_DELIVERED, _FAILED, _LATENCIES = 0, 1, 2
_FAILURES = _LATENCIES + Latencies.RANGES
_STEPS, _SECOND, _LAST = float(Latencies.STEPS), Latencies.SECOND, Latencies.RANGES - 1

# The extension module resolves the functions of the library that its loader found.
_library = ctypes.CDLL(cimpl.__file__)
for _name in ("rd_kafka_produceva", "rd_kafka_error_code", "rd_kafka_error_destroy", "rd_kafka_message_latency"):
    llvmlite.binding.add_symbol(_name, ctypes.cast(getattr(_library, _name), ctypes.c_void_p).value)

_words: Any = types.CPointer(types.int64)
_produceva: Any = types.ExternalFunction("rd_kafka_produceva", types.uint64(types.uint64, types.uint64, types.uint64))
_error_code: Any = types.ExternalFunction("rd_kafka_error_code", types.int32(types.uint64))
_error_destroy: Any = types.ExternalFunction("rd_kafka_error_destroy", types.void(types.uint64))
_message_latency: Any = types.ExternalFunction("rd_kafka_message_latency", types.int64(_words))


@njit(
    types.Tuple((types.int64, types.int64))(
        types.uint64, types.int64[:, ::1], types.int64[::1], types.int64, types.int64[::1], types.int64,
        types.int64[:, ::1], types.uint8[::1],
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _produce(
    handle: int,
    arguments: Numbers,
    rows: Numbers,
    first: int,
    partitions: Numbers,
    body: int,
    places: Numbers,
    digits: npt.NDArray[np.uint8],
) -> tuple[int, int]:
    """Produce rows until one is rejected. Return (accepted rows, error of the rejected row)."""
    argument = types.uint64(arguments.ctypes.data)
    text = digits.ctypes.data
    for done in range(len(rows)):
        row = rows[done]
        arguments[1, 1] = partitions[row]
        key, value, end = places[0, row], places[1, row], places[2, row]
        arguments[2, 1], arguments[2, 2] = body + value, end - value
        arguments[3, 1], arguments[3, 2] = body + key, value - key
        arguments[4, 1] = first + row
        left, at = first + row, _DIGITS
        while True:
            at -= 1
            digits[at] = 48 + left % 10
            left //= 10
            if left == 0:
                break
        arguments[7, 2], arguments[7, 3] = text + at, _DIGITS - at
        error = _produceva(handle, argument, types.uint64(len(arguments)))
        if error != 0:
            code = _error_code(error)
            _error_destroy(error)
            return done, types.int64(code)
    return len(rows), 0


@cfunc(types.void(types.voidptr, _words, _words), cache=True)
def _reported(handle: int, message: Numbers, reports: Numbers) -> None:
    """Write the delivery report of one record."""
    error = types.int32(message[0] & 0xFFFFFFFF)
    number = message[_MESSAGE_OPAQUE]
    if error != 0:
        failed = reports[_FAILED]
        reports[_FAILURES + 2 * failed] = number
        reports[_FAILURES + 2 * failed + 1] = error
        reports[_FAILED] = failed + 1
        return
    reports[_DELIVERED] += 1
    if number % _LATENCY_OF_EVERY == 0:
        took = _message_latency(message)
        if took >= 0:
            step = _SECOND + round(math.log2(max(took, 1) / 1e6) * _STEPS)
            reports[_LATENCIES + min(max(step, 0), _LAST)] += 1


def _function(name: str, result: type | None, *arguments: type) -> "ctypes._NamedFuncPointer":
    found = _library[name]
    found.restype, found.argtypes = result, arguments
    return found


_pointer, _text, _int, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_conf_new = _function("rd_kafka_conf_new", _pointer)
_conf_set = _function("rd_kafka_conf_set", _int, _pointer, _text, _text, _text, _size)
_conf_destroy = _function("rd_kafka_conf_destroy", None, _pointer)
_conf_set_opaque = _function("rd_kafka_conf_set_opaque", None, _pointer, _pointer)
_conf_set_reported = _function("rd_kafka_conf_set_dr_msg_cb", None, _pointer, _pointer)
_conf_set_log = _function("rd_kafka_conf_set_log_cb", None, _pointer, _pointer)
_new = _function("rd_kafka_new", _pointer, _int, _pointer, _text, _size)
_topic_new = _function("rd_kafka_topic_new", _pointer, _pointer, _text, _pointer)
_poll = _function("rd_kafka_poll", _int, _pointer, _int)
_flush = _function("rd_kafka_flush", _int, _pointer, _int)
_outq_len = _function("rd_kafka_outq_len", _int, _pointer)
_purge = _function("rd_kafka_purge", _int, _pointer, _int)
_topic_destroy = _function("rd_kafka_topic_destroy", None, _pointer)
_destroy = _function("rd_kafka_destroy", None, _pointer)


@dataclass(frozen=True)
class Reports:
    """Delivery reports: the number of delivered records, sampled latencies (counts for `Latencies.add`), and (number,
    error) of each failed record."""

    delivered: int
    latencies: Numbers
    failed: list[tuple[int, int]]


class Producer:
    """A producer for one topic that does not log the state of its connections.

    Args:
        settings: settings of the library (see its CONFIGURATION.md).
        header: the constant header of every record.
        number_header: the name of the header with the number of the record.
        most_waiting: the maximum number of records in its queue, as in the settings.
    """

    def __init__(
        self, settings: dict[str, str], topic: str, *, header: tuple[str, bytes], number_header: str, most_waiting: int
    ) -> None:
        self._reports = np.zeros(_FAILURES + 2 * most_waiting, np.int64)
        said = ctypes.create_string_buffer(512)
        conf = _conf_new()
        for name, value in settings.items():
            if _conf_set(conf, name.encode(), value.encode(), said, len(said)) != _CONF_OK:
                _conf_destroy(conf)
                raise ValueError(said.value.decode())
        _conf_set_opaque(conf, self._reports.ctypes.data)
        _conf_set_reported(conf, _reported.address)
        _conf_set_log(conf, None)
        self._handle = _new(_PRODUCER, conf, said, len(said))
        if not self._handle:
            _conf_destroy(conf)
            raise ValueError(said.value.decode())
        self._topic = _topic_new(self._handle, topic.encode(), None)
        # What every record has in common is written into the call's arguments once.
        self._texts = [
            ctypes.create_string_buffer(text) for text in (header[0].encode(), header[1], number_header.encode())
        ]
        self._digits = np.zeros(_DIGITS, np.uint8)
        self._arguments = np.zeros((len(_ARGUMENTS), _ARGUMENT_WORDS), np.int64)
        self._arguments[:, 0] = _ARGUMENTS
        self._arguments[0, 1], self._arguments[5, 1] = self._topic, _COPY
        places = list(map(ctypes.addressof, self._texts))
        self._arguments[6, 1:4] = places[0], places[1], len(header[1])
        self._arguments[7, 1] = places[2]
        # The library writes to the report buffer until it is destroyed, so the buffer lives until then.
        self._end = weakref.finalize(self, _end, os.getpid(), self._handle, self._topic, self._reports)

    def __len__(self) -> int:
        """The number of records that are queued, in flight or have an unprocessed report."""
        return int(_outq_len(self._handle))

    def produce(self, block: Block, rows: Rows) -> tuple[int, int]:
        """Produce these rows of the block. Return (accepted rows, error of the next row, 0 for success)."""
        return _produce(
            self._handle, self._arguments, rows, block.first, block.partitions, block.body.ctypes.data, block.places,
            self._digits,
        )  # fmt: skip

    def poll(self, seconds: float) -> Reports:
        """The delivery reports; waits up to `seconds` for one."""
        _poll(self._handle, int(seconds * 1000))
        return self._taken()

    def flush(self, seconds: float) -> Reports:
        """Like `poll`, but sends lingering records immediately and waits until the queue is empty."""
        _flush(self._handle, int(seconds * 1000))
        return self._taken()

    def purge(self) -> None:
        """Drop all queued and in-flight records. They are reported as failed."""
        _purge(self._handle, _PURGE_ALL)

    def _taken(self) -> Reports:
        reports = self._reports
        pairs = reports[_FAILURES : _FAILURES + 2 * reports[_FAILED]].reshape(-1, 2).tolist()
        found = Reports(
            int(reports[_DELIVERED]), reports[_LATENCIES:_FAILURES].copy(), [(number, error) for number, error in pairs]
        )
        reports[:_FAILURES] = 0
        return found


def _end(process: int, handle: int, topic: int, reports: Numbers) -> None:
    """End the client, in the process that has started it: a fork has none of the client's threads to wait for."""
    if os.getpid() != process:
        return
    _purge(handle, _PURGE_ALL)
    _topic_destroy(topic)
    _destroy(handle)
