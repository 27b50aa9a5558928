"""JSON values that a row can hold.

What a person sends is refused where PostgreSQL can't keep it as it is (`keepable`). What a program has written, such as
a validation document or Airflow's configuration of a run, is kept all the same: `storable` writes the parts that no row
can hold as texts. `compact` is a value of any type for a page.
"""

import json
import math
import re
from typing import Any

from controlplane.errors import InvalidInputError

DEEPEST = 20
LONGEST_JSON = 64 * 1024
# Levels of nesting of what programs write. Deeper values can end Python's own JSON encoder.
DEEPEST_STORED = 100
# Python reads no whole number of more than 4,300 digits.
LARGEST_STORED = 10**1000
REPLACEMENT = "\ufffd"
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def keepable(name: str, value: Any) -> None:
    """Refuse JSON that is too long or too deep, or holds what no row can hold.

    Args:
        name: the field, for the refusal.

    Raises:
        InvalidInputError: it does; the message says where.
    """
    try:
        size = len(json.dumps(value))
    except RecursionError:
        raise _deep(name) from None
    # First, so that the rest looks at no more than that.
    if size > LONGEST_JSON:
        raise InvalidInputError(f"{name}: has {size:,} characters as JSON, {LONGEST_JSON:,} at most.", "Shorten it.")
    waiting: list[tuple[str, Any, int]] = [(name, value, 0)]
    while waiting:
        place, found, depth = waiting.pop()
        if depth > DEEPEST:
            raise _deep(name)
        if isinstance(found, str):
            _text(place, found)
        elif isinstance(found, float) and not math.isfinite(found):
            raise InvalidInputError(f"{place}: is no finite number.", "Write a number or a text.")
        elif isinstance(found, list):
            waiting += [(f"{place}[{number}]", one, depth + 1) for number, one in enumerate(found)]
        elif isinstance(found, dict):
            for key, one in found.items():
                _text(f"{place}, a key", key)
                waiting.append((f"{place}.{key[:40]}", one, depth + 1))


def _deep(name: str) -> InvalidInputError:
    return InvalidInputError(f"{name}: is nested more than {DEEPEST} deep.", "Make it flatter.")


def _text(place: str, text: str) -> None:
    if "\x00" in text:
        raise InvalidInputError(f"{place}: has a NUL character.", "Leave it out.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInputError(f"{place}: has half of a surrogate pair.", "Write the whole character.")


def storable(value: Any, depth: int = 0) -> Any:
    """The value with every part that no row can hold as a text: NaN and the infinities by their names, whole numbers
    of more than 1,000 digits by their length, NUL and halves of surrogate pairs as U+FFFD, and what is nested too deep
    as a remark. Two keys that would become one get a number.
    """
    if isinstance(value, str):
        return _NO_TEXT.sub(REPLACEMENT, value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < LARGEST_STORED else "a whole number of more than 1,000 digits"
    if isinstance(value, float):
        return value if math.isfinite(value) else _name(value)
    if depth >= DEEPEST_STORED:
        return f"nested more than {DEEPEST_STORED} deep"
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
    """A whole number of foreign JSON that a row can hold, also where it is written as a float; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if -(2**63) <= value < 2**63 else None


def real(value: Any) -> float | None:
    """A finite number of foreign JSON; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def counts(value: Any) -> dict[str, int]:
    """The whole numbers of a JSON object by their names; what isn't one is left out."""
    found = value.items() if isinstance(value, dict) else ()
    return {name: number for name, one in found if (number := whole(one)) is not None}


def finite(value: Any) -> Any:
    """The value as JSON has it (RFC 8259 knows no NaN and no infinities): null in their place."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


def compact(value: Any, longest: int) -> str:
    """A value of any JSON type in one text of at most so many characters: a text as it is, the rest as JSON."""
    if isinstance(value, str):
        text = value
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):
            text = f"a value of type {type(value).__name__} that can't be shown"
    return text if len(text) <= longest else f"{text[:longest]}…"
