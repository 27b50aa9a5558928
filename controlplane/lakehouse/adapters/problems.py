"""Values of a document that others wrote: as the type that its format asks for, or unknown with the reason."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# A longer text is cut, and says so.
LONGEST = 4096
# Of one document; how many more there are is said.
MOST_PROBLEMS = 20
MOST_KEYS = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# In every time zone these are times of the calendar.
_FIRST = datetime(1, 1, 3, tzinfo=UTC)
_LAST = datetime(9999, 12, 29, tzinfo=UTC)
# PostgreSQL keeps no NUL, and UTF-8 has no halves of surrogate pairs.
_UNKEPT = re.compile("[\x00\ud800-\udfff]")


class Problems:
    """What was found wrong with a document, each once, with the place."""

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
        """Say that the value at a place is not what the format asks for."""
        if value is None:
            self.add(f"{place} is missing or null, not {wanted}.")
        else:
            self.add(f"{place} is {brief(value)}, not {wanted}.")


def brief(value: Any) -> str:
    """A value of JSON as a short text for a sentence."""
    if isinstance(value, dict):
        return f"an object of {len(value):,}"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    written = as_text(value[:60] if isinstance(value, str) else value)
    written = f"{written[:57]}…" if len(written) > 57 else written
    return f"the text {written!r}" if isinstance(value, str) else written


def clean(text: str) -> str:
    """A text as it can be kept and shown: cut where it is too long, without NUL and halves of surrogate pairs."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… (cut: {len(text):,} characters)"
    return _UNKEPT.sub(lambda found: "\u2400" if found[0] == "\x00" else "\ufffd", text)


def as_text(value: Any) -> str:
    """Any value of JSON as a text: a text itself, everything else as JSON."""
    if isinstance(value, str):
        return clean(value)
    try:
        return clean(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or nested too deep
        return "(too large to be written out)"


def as_texts(value: Any, place: str, problems: Problems) -> dict[str, str]:
    """An object of texts. Other values of it are shown as JSON; what is no object has none."""
    if not isinstance(value, dict):
        problems.wrong(place, value, "an object")
        return {}
    if _plain(value):
        return value
    found: dict[str, str] = {}
    for key, one in value.items():
        if type(one) is not str:
            problems.wrong(f"{place}.{clean(key)[:80]}", one, "a text")
        found[clean(key)] = as_text(one)
        if len(found) == MOST_KEYS:
            break
    if len(value) > MOST_KEYS:
        problems.add(f"{place} has {len(value):,} entries; the first {MOST_KEYS:,} are read.")
    return found


def _plain(value: dict[str, Any]) -> bool:
    """Whether all of it is short text without anything to clean: so are the thousands of summaries of a usual table."""
    try:
        together = "".join((*value, *value.values()))
    except TypeError:
        return False
    return len(together) <= LONGEST and together.isprintable()


def text_at(document: Mapping[str, Any], name: str, problems: Problems, *, place: str = "") -> str:
    """A text of an object; empty where it has none."""
    value = document.get(name)
    if isinstance(value, str):
        return clean(value)
    problems.wrong(place or name, value, "a text")
    return ""


def identity(value: Any) -> str | None:
    """An id as a text: a whole number of 64 bits. None for everything else; a number with an exponent or a fraction
    has lost the digits of an id already."""
    return str(value) if type(value) is int and -(2**63) <= value < 2**63 else None


def optional_identity(document: Mapping[str, Any], name: str, place: str, problems: Problems) -> str | None:
    """The id of a snapshot; None where there is none, which -1 says as well, and where it can't be read."""
    value = document.get(name)
    if value is None or (type(value) is int and value == -1):
        return None
    found = identity(value)
    if found is None:
        problems.wrong(place, value, "a whole number of 64 bits")
    return found


def moment(document: Mapping[str, Any], name: str, place: str, problems: Problems) -> datetime | None:
    """Milliseconds since 1970 as a time; None where they are none of the calendar."""
    value = document.get(name)
    if type(value) is int:
        try:
            found = _EPOCH + timedelta(milliseconds=value)
        except OverflowError:
            found = _LAST
        if _FIRST < found < _LAST:
            return found
    problems.wrong(place, value, "milliseconds of a time between the years 1 and 9999")
    return None


def objects_at(document: Mapping[str, Any], name: str, problems: Problems) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a list, each with its place in it; what is no object is left out and said."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        problems.wrong(name, value, "a list")
        return []
    for number, one in enumerate(value):
        if not isinstance(one, dict):
            problems.wrong(f"{name}[{number}]", one, "an object")
    return [(number, one) for number, one in enumerate(value) if isinstance(one, dict)]
