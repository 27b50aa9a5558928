"""Identifiers and times as the bytes that stand in the events, a whole block at once."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

_HEX = np.frombuffer(bytes.fromhex("".join(f"{a:02x}" for a in b"0123456789abcdef")), np.uint8)
_PAIRS = np.stack([np.repeat(_HEX, 16), np.tile(_HEX, 16)], axis=1)
_TWO_DIGITS = np.frombuffer(b"".join(b"%02d" % number for number in range(100)), np.uint8).reshape(100, 2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuids(draws: npt.NDArray[np.uint64]) -> list[bytes]:
    """Version 4 identifiers (RFC 9562) as 36 bytes each; two 64-bit draws an identifier."""
    raw = draws.astype(">u8").view(np.uint8).reshape(-1, 16).copy()
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = _PAIRS[raw].reshape(-1, 32)
    text = np.full((len(raw), 36), ord("-"), np.uint8)
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, at : at + end - start] = digits[:, start:end]
    found: list[bytes] = text.view("S36").ravel().tolist()
    return found


def times(microseconds: npt.NDArray[np.int64]) -> list[bytes]:
    """`2026-11-23T17:00:00.123456Z` of microseconds since 1970."""
    days, within = np.divmod(microseconds, 86_400_000_000)
    text = np.empty((len(microseconds), 27), np.uint8)
    for day in np.unique(days).tolist():
        date = (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d").encode()
        text[days == day, :10] = np.frombuffer(date, np.uint8)
    seconds, micros = np.divmod(within, 1_000_000)
    for at, mark in ((10, b"T"), (13, b":"), (16, b":"), (19, b"."), (26, b"Z")):
        text[:, at] = mark[0]
    for at, number in (
        (11, seconds // 3600), (14, seconds // 60 % 60), (17, seconds % 60),
        (20, micros // 10_000), (22, micros // 100 % 100), (24, micros % 100),
    ):  # fmt: skip
        text[:, at : at + 2] = _TWO_DIGITS[number]
    found: list[bytes] = text.view("S27").ravel().tolist()
    return found


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
