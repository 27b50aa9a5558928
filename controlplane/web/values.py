"""JSON values that can be stored in a row.

User input is rejected if PostgreSQL can't store it unchanged (`keepable`). Data written by programs, such as a
validation document or Airflow's configuration of a run, is always stored: `storable` converts unstorable parts to
strings. `compact` formats a value of any type for a page.
"""

import json
import math
import re
from typing import Any

from controlplane.errors import InvalidInputError

DEEPEST = 20
LONGEST_JSON = 64 * 1024
# The nesting limit of data written by programs. Deeper values can crash Python's JSON encoder.
DEEPEST_STORED = 100
# Python can't parse integers of more than 4,300 digits.
LARGEST_STORED = 10**1000
REPLACEMENT = "\ufffd"
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def keepable(name: str, value: Any) -> None:
    """Reject JSON that is too long, too deeply nested, or contains values that can't be stored.

    Args:
        name: the field, for the error.

    Raises:
        InvalidInputError: the value is rejected; the message says where.
    """
    try:
        size = len(json.dumps(value))
    except RecursionError:
        raise _deep(name) from None
    # Checked first, to limit the work of the other checks.
    if size > LONGEST_JSON:
        raise InvalidInputError(
            f"{name}: {size:,} characters of JSON exceed the limit of {LONGEST_JSON:,}.", "Shorten the value."
        )
    waiting: list[tuple[str, Any, int]] = [(name, value, 0)]
    while waiting:
        place, found, depth = waiting.pop()
        if depth > DEEPEST:
            raise _deep(name)
        if isinstance(found, str):
            _text(place, found)
        elif isinstance(found, float) and not math.isfinite(found):
            raise InvalidInputError(f"{place}: not a finite number.", "Use a finite number or a string.")
        elif isinstance(found, list):
            waiting += [(f"{place}[{number}]", one, depth + 1) for number, one in enumerate(found)]
        elif isinstance(found, dict):
            for key, one in found.items():
                _text(f"{place}, a key", key)
                waiting.append((f"{place}.{key[:40]}", one, depth + 1))


def _deep(name: str) -> InvalidInputError:
    return InvalidInputError(f"{name}: exceeds {DEEPEST} levels of nesting.", "Reduce the nesting.")


def _text(place: str, text: str) -> None:
    if "\x00" in text:
        raise InvalidInputError(f"{place}: contains a NUL character.", "Remove the character.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInputError(f"{place}: contains a lone surrogate.", "Use a complete character.")


def storable(value: Any, depth: int = 0) -> Any:
    """The value with unstorable parts converted to strings: NaN and the infinities to their names, integers of more
    than 1,000 digits and too deeply nested values to a note, NUL and lone surrogates to U+FFFD. Keys that would collide
    get a number.
    """
    if isinstance(value, str):
        return _NO_TEXT.sub(REPLACEMENT, value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < LARGEST_STORED else "integer of more than 1,000 digits"
    if isinstance(value, float):
        return value if math.isfinite(value) else _name(value)
    if depth >= DEEPEST_STORED:
        return f"nested more than {DEEPEST_STORED} levels"
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, one in value.items():
            name = text = _NO_TEXT.sub(REPLACEMENT, str(key))
            number = 1
            while name in found:
                number += 1
                name = f"{text} ({number})"
            found[name] = storable(one, depth + 1)
        return found
    if isinstance(value, list | tuple):
        return [storable(one, depth + 1) for one in value]
    return storable(str(value))


def _name(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def whole(value: Any) -> int | None:
    """A storable integer from foreign JSON, also if written as a float; None for all other values."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if -(2**63) <= value < 2**63 else None


def real(value: Any) -> float | None:
    """A finite number from foreign JSON; None for all other values."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def counts(value: Any) -> dict[str, int]:
    """The integers of a JSON object by name; other values are omitted."""
    found = value.items() if isinstance(value, dict) else ()
    return {name: number for name, one in found if (number := whole(one)) is not None}


def finite(value: Any) -> Any:
    """The value with null for NaN and the infinities, which RFC 8259 does not support."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


def compact(value: Any, longest: int) -> str:
    """A JSON value as a string of limited length: strings unchanged, everything else as JSON."""
    if isinstance(value, str):
        text = value
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):
            text = f"value of type {type(value).__name__}, not displayable"
    return text if len(text) <= longest else f"{text[:longest]}…"
