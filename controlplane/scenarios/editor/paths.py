"""Paths in a document, written as in problem reports: `traffic.stages[0].shape`."""

import re
from typing import Any

Step = str | int
# No list has an index of more digits.
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,9})\]")
# Keys that have a meaning even when they are empty. So does an entry of a list.
_SAYS_SOMETHING_EMPTY = re.compile(r"population\.hot_product|population\.devices|sessions\.transitions\.\w++")
_MISSING = object()


def steps(path: str) -> list[Step]:
    """`traffic.stages[0]` as ["traffic", "stages", 0]."""
    return [int(number) if number else key for key, number in _STEP.findall(path)]


def parent(path: str) -> str:
    """The path of the container; empty at the top."""
    cut = max(path.rfind("."), path.rfind("["))
    return path[:cut] if cut > 0 else ""


def get(document: Any, path: str, default: Any = None) -> Any:
    """The value at the path, or the default if there is none."""
    here = document
    for step in steps(path):
        here = _child(here, step)
        if here is _MISSING:
            return default
    return here


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Write a value. Missing mappings on the way are created; a value that is not a mapping is replaced by one."""
    *way, last = steps(path)
    here: Any = document
    for step in way:
        found = _child(here, step)
        if not isinstance(found, dict | list):
            if isinstance(here, list):
                return
            found = here[step] = {}
        here = found
    if isinstance(here, dict):
        here[last] = value


def drop(document: dict[str, Any], path: str) -> None:
    """Remove a value, and the mappings that are empty without it."""
    *_, last = steps(path)
    holder = get(document, parent(path)) if parent(path) else document
    if isinstance(holder, dict):
        holder.pop(str(last), None)
        above = parent(path)
        if not holder and above and not above.endswith("]") and not _SAYS_SOMETHING_EMPTY.fullmatch(above):
            drop(document, above)


def _child(here: Any, step: Step) -> Any:
    if isinstance(here, dict):
        return here.get(step, _MISSING)
    if isinstance(here, list) and isinstance(step, int) and step < len(here):
        return here[step]
    return _MISSING
