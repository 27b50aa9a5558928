"""Identifiers and times as the bytes that stand in the events, a whole block at once."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

_HEX = b"0123456789abcdef"
# The two characters of a byte as one number, in whatever order this machine keeps its bytes.
_PAIRS = np.frombuffer(b"".join(bytes((high, low)) for high in _HEX for low in _HEX), np.uint16)
_THREE_DIGITS = np.frombuffer(b"".join(b"%03d" % number for number in range(1000)), "S3")
_MOMENT = np.dtype([("second", "S20"), ("milli", "S3"), ("micro", "S3"), ("zone", "S1")])
_USER = np.dtype([("before", "S2"), ("thousands", "S3"), ("ones", "S3")])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuids(draws: npt.NDArray[np.uint64], before: bytes = b"", after: bytes = b"") -> list[bytes]:
    """Version 4 identifiers (RFC 9562) as 36 bytes each; two 64-bit draws an identifier. Each may have a text before it
    and one after it."""
    raw = draws.astype(">u8").view(np.uint8).reshape(-1, 16)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = _PAIRS[raw].view(np.uint8)
    text, first = _framed(len(raw), before, 36, after)
    for dash in (8, 13, 18, 23):
        text[:, first + dash] = ord("-")
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, first + at : first + at + end - start] = digits[:, start:end]
    return _rows(text)


def _framed(count: int, before: bytes, width: int, after: bytes) -> tuple[npt.NDArray[np.uint8], int]:
    """Lines with the same text before and after `width` bytes that are still to be written, and where those are."""
    text = np.empty((count, len(before) + width + len(after)), np.uint8)
    text[:, : len(before)] = np.frombuffer(before, np.uint8)
    text[:, len(before) + width :] = np.frombuffer(after, np.uint8)
    return text, len(before)


def _rows(text: npt.NDArray[np.uint8]) -> list[bytes]:
    # None of the texts ends with a zero, which numpy would take off.
    found: list[bytes] = text.view(f"S{text.shape[1]}").ravel().tolist()
    return found


def times(microseconds: npt.NDArray[np.int64], after: bytes = b"") -> list[bytes]:
    """`2026-11-23T17:00:00.123456Z` of microseconds since 1970, with a text after each."""
    seconds, within = np.divmod(microseconds, 1_000_000)
    unlike, which = np.unique(seconds, return_inverse=True)
    words = [(_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.").encode() for second in unlike.tolist()]
    millis, micros = np.divmod(within, 1000)
    moments = np.empty(len(microseconds), _MOMENT)
    moments["second"] = np.array(words, "S20")[which]
    moments["milli"], moments["micro"], moments["zone"] = _THREE_DIGITS[millis], _THREE_DIGITS[micros], b"Z"
    text, _ = _framed(len(microseconds), b"", _MOMENT.itemsize, after)
    text[:, : _MOMENT.itemsize] = moments.view(np.uint8).reshape(-1, _MOMENT.itemsize)
    return _rows(text)


def users(numbers: npt.NDArray[np.int64]) -> list[bytes]:
    """`u-000123` of the number of a user; from a million on with a digit more."""
    if len(numbers) and numbers.max() >= 1_000_000:
        return [b"u-%06d" % number for number in numbers.tolist()]
    thousands, ones = np.divmod(numbers, 1000)
    text = np.empty(len(numbers), _USER)
    text["before"], text["thousands"], text["ones"] = b"u-", _THREE_DIGITS[thousands], _THREE_DIGITS[ones]
    return _rows(text.view(np.uint8).reshape(-1, _USER.itemsize))


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
