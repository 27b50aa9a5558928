"""Which JSON a person may have kept: everything that PostgreSQL stores and gives back as it was."""

import json
import math
from typing import Any

from controlplane.accounts.errors import InvalidInputError

DEEPEST = 20
LONGEST_JSON = 64 * 1024


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
