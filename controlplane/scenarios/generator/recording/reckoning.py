"""Parses text columns as times and numbers, a whole column at a time, with a mask of the readable rows."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z| ?UTC|[+-]\d{2}:?\d{2})?$"
_COUNT = r"^\d{9,20}(\.\d{1,9})?$"
_ZONE = r"([+-]\d{2}):?(\d{2})$"
_NUMBER = r"^[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?$"
# The years 2 to 9998 in microseconds since 1970, so that every time zone stays within the years 1 to 9999.
_FIRST, _LAST = -62_104_060_800_000_000, 253_370_764_799_999_999
# Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
_SCALES = ((1e11, 1_000_000.0), (1e14, 1000.0), (1e17, 1.0), (float("inf"), 0.001))


def microseconds(text: pa.StringArray) -> tuple[Numbers, Mask]:
    """(microseconds since 1970, mask of readable rows). Formats: ISO 8601, `2019-10-01 00:00:00 UTC`, or a number since
    1970. A time without a zone is UTC, since only distances matter. The year is 2 to 9998."""
    text = pc.utf8_trim_whitespace(text)
    is_time, is_count = _true(pc.match_substring_regex(text, _TIME)), _true(pc.match_substring_regex(text, _COUNT))
    found, read = np.zeros(len(text), np.int64), np.zeros(len(text), np.bool_)
    if is_time.any():
        found[is_time], read[is_time] = _times(text.filter(pa.array(is_time)))
    if is_count.any():
        counts = text.filter(pa.array(is_count)).cast(pa.float64()).to_numpy(zero_copy_only=False)
        moments = np.zeros(len(counts), np.float64)
        low = 0.0
        for high, scale in _SCALES:
            here = (counts >= low) & (counts < high)
            moments[here] = counts[here] * scale
            low = high
        fits = moments < 4e15
        found[is_count], read[is_count] = np.where(fits, moments, 0).astype(np.int64), fits
    read &= (found >= _FIRST) & (found <= _LAST)
    return np.where(read, found, 0), read


def _times(text: pa.StringArray) -> tuple[Numbers, Mask]:
    text = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")
    text = pc.replace_substring_regex(text, r"(Z| ?UTC)$", "")
    zoned = _true(pc.match_substring_regex(text, _ZONE))
    found, read = np.zeros(len(text), np.int64), np.ones(len(text), np.bool_)
    for mask, kind in ((~zoned, pa.timestamp("us")), (zoned, pa.timestamp("us", "UTC"))):
        if not mask.any():
            continue
        part = text.filter(pa.array(mask))
        try:
            moments = part.cast(kind).cast(pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            # Some value is invalid, such as 30 February: parse one by one.
            single = [_moment(word) for word in part.to_pylist()]
            moments = np.array([0 if moment is None else moment for moment in single], np.int64)
            read[mask] = [moment is not None for moment in single]
        found[mask] = moments
    return found, read


def _moment(word: str) -> int | None:
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def amounts(text: pa.StringArray) -> tuple[npt.NDArray[np.float64], Mask]:
    """(numbers, mask of readable rows). Null becomes NaN and counts as readable. Numbers may have an exponent and are
    finite."""
    text = pc.utf8_trim_whitespace(text)
    shaped = _true(pc.or_kleene(pc.is_null(text), pc.match_substring_regex(text, _NUMBER)))
    readable = pc.if_else(pa.array(shaped), pc.replace_substring_regex(text, r"^\+", ""), pa.scalar(None, pa.string()))
    numbers: npt.NDArray[np.float64] = pc.fill_null(readable.cast(pa.float64()), float("nan")).to_numpy(
        zero_copy_only=False
    )
    return numbers, shaped & ~np.isinf(numbers)


def matches(text: pa.StringArray, pattern: str) -> Mask:
    """Mask of the values that are not null and match."""
    return _true(pc.match_substring_regex(text, pattern))


def _true(found: pa.BooleanArray) -> Mask:
    mask: Mask = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return mask
