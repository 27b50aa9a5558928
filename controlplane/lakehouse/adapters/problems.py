"""Reads values of a foreign document in the type that its format specifies. Other values are unknown and reported."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# Longer strings are truncated, with a note.
LONGEST = 4096
# The limit of problems per document; the number of further problems is reported.
MOST_PROBLEMS = 20
MOST_KEYS = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Times in this range are valid in every time zone.
_FIRST = datetime(1, 1, 3, tzinfo=UTC)
_LAST = datetime(9999, 12, 29, tzinfo=UTC)
# PostgreSQL can't store NUL, and UTF-8 has no lone surrogates.
_UNKEPT = re.compile("[\x00\ud800-\udfff]")


class Problems:
    """The problems of a document, each once, with its location."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        if text in self._found:
            return
        if len(self._found) < MOST_PROBLEMS:
            self._found.append(text)
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        return (*self._found, *([f"and {self._more:,} more"] if self._more else []))

    def wrong(self, place: str, value: Any, wanted: str) -> None:
        """Report that the value at a place does not have the specified type."""
        if value is None:
            self.add(f"{place} is missing or null; expected {wanted}.")
        else:
            self.add(f"{place} is {brief(value)}; expected {wanted}.")


def brief(value: Any) -> str:
    """A JSON value as a short string for messages."""
    if isinstance(value, dict):
        return f"an object with {len(value):,} fields"
    if isinstance(value, list):
        return f"an array with {len(value):,} items"
    written = as_text(value[:60] if isinstance(value, str) else value)
    written = f"{written[:57]}…" if len(written) > 57 else written
    return f"the string {written!r}" if isinstance(value, str) else written


def clean(text: str) -> str:
    """A string that can be stored and shown: truncated if too long, without NUL and lone surrogates."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… (truncated, {len(text):,} characters)"
    return _UNKEPT.sub(lambda found: "\u2400" if found[0] == "\x00" else "\ufffd", text)


def as_text(value: Any) -> str:
    """Any JSON value as a string: strings unchanged, everything else as JSON."""
    if isinstance(value, str):
        return clean(value)
    try:
        return clean(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):  # an integer of thousands of digits, or nested too deeply
        return "(too large to display)"


def as_texts(value: Any, place: str, problems: Problems) -> dict[str, str]:
    """An object of strings. Other values are converted to JSON; a value that is no object gives an empty one."""
    if not isinstance(value, dict):
        problems.wrong(place, value, "an object")
        return {}
    if _plain(value):
        return value
    found: dict[str, str] = {}
    for key, one in value.items():
        if type(one) is not str:
            problems.wrong(f"{place}.{clean(key)[:80]}", one, "a string")
        found[clean(key)] = as_text(one)
        if len(found) == MOST_KEYS:
            break
    if len(value) > MOST_KEYS:
        problems.add(f"{place} has {len(value):,} entries; only the first {MOST_KEYS:,} are read.")
    return found


def _plain(value: dict[str, Any]) -> bool:
    """Whether the object needs no cleaning. This is true for the thousands of summaries of a usual table."""
    try:
        together = "".join((*value, *value.values()))
    except TypeError:
        return False
    return len(together) <= LONGEST and together.isprintable()


def text_at(document: Mapping[str, Any], name: str, problems: Problems, *, place: str = "") -> str:
    """A string field of an object; empty if missing."""
    value = document.get(name)
    if isinstance(value, str):
        return clean(value)
    problems.wrong(place or name, value, "a string")
    return ""


def identity(value: Any) -> str | None:
    """An id as a string: a 64-bit integer. None for everything else: a number with an exponent or a fraction has
    already lost digits of the id."""
    return str(value) if type(value) is int and -(2**63) <= value < 2**63 else None


def optional_identity(document: Mapping[str, Any], name: str, place: str, problems: Problems) -> str | None:
    """The id of a snapshot; None if it is missing, -1 (which also means none) or unreadable."""
    value = document.get(name)
    if value is None or (type(value) is int and value == -1):
        return None
    found = identity(value)
    if found is None:
        problems.wrong(place, value, "a 64-bit integer")
    return found


def moment(document: Mapping[str, Any], name: str, place: str, problems: Problems) -> datetime | None:
    """Milliseconds since 1970 as a time; None if out of range."""
    value = document.get(name)
    if type(value) is int:
        try:
            found = _EPOCH + timedelta(milliseconds=value)
        except OverflowError:
            found = _LAST
        if _FIRST < found < _LAST:
            return found
    problems.wrong(place, value, "a time in milliseconds between the years 1 and 9999")
    return None


def objects_at(document: Mapping[str, Any], name: str, problems: Problems) -> list[tuple[int, dict[str, Any]]]:
    """The objects of an array, each with its index. Items that are no objects are skipped and reported."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        problems.wrong(name, value, "an array")
        return []
    for number, one in enumerate(value):
        if not isinstance(one, dict):
            problems.wrong(f"{name}[{number}]", one, "an object")
    return [(number, one) for number, one in enumerate(value) if isinstance(one, dict)]
