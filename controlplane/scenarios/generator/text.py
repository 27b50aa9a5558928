"""Formats identifiers and times as bytes for events, a whole block at a time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

_HEX = b"0123456789abcdef"
# The two hexadecimal characters of a byte as one number in native byte order.
_PAIRS = np.frombuffer(b"".join(bytes((high, low)) for high in _HEX for low in _HEX), np.uint16)
_THREE_DIGITS = np.frombuffer(b"".join(b"%03d" % number for number in range(1000)), "S3")
_MOMENT = np.dtype([("second", "S20"), ("milli", "S3"), ("micro", "S3"), ("zone", "S1")])
Texts = npt.NDArray[np.bytes_]
_USER = np.dtype([("before", "S2"), ("thousands", "S3"), ("ones", "S3")])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuids(draws: npt.NDArray[np.uint64]) -> Texts:
    """Version 4 UUIDs (RFC 9562), 36 bytes each; two 64-bit draws per UUID."""
    raw = draws.astype(">u8").view(np.uint8).reshape(-1, 16)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = _PAIRS[raw].view(np.uint8)
    text = np.empty((len(raw), 36), np.uint8)
    for dash in (8, 13, 18, 23):
        text[:, dash] = ord("-")
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, at : at + end - start] = digits[:, start:end]
    return text.view("S36").ravel()


def times(microseconds: npt.NDArray[np.int64]) -> Texts:
    """Microseconds since 1970 as `2026-11-23T17:00:00.123456Z`."""
    seconds, within = np.divmod(microseconds, 1_000_000)
    unlike, which = np.unique(seconds, return_inverse=True)
    words = [(_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.").encode() for second in unlike.tolist()]
    millis, micros = np.divmod(within, 1000)
    text = np.empty(len(microseconds), _MOMENT)
    text["second"] = np.array(words, "S20")[which]
    text["milli"], text["micro"], text["zone"] = _THREE_DIGITS[millis], _THREE_DIGITS[micros], b"Z"
    return text.view("S27")


def users(numbers: npt.NDArray[np.int64]) -> Texts:
    """The number of a user as `u-000123`; with one more digit from a million on."""
    if len(numbers) and numbers.max() >= 1_000_000:
        return np.array([b"u-%06d" % number for number in numbers.tolist()])
    text = np.empty(len(numbers), _USER)
    text["before"] = b"u-"
    text["thousands"], text["ones"] = (_THREE_DIGITS[part] for part in np.divmod(numbers, 1000))
    return text.view("S8")


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """Microseconds since 1970 as a datetime, exactly; for the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=microseconds)
