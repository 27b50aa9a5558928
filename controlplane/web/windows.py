"""Offset pagination for long lists within a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.http import HttpRequest

Item = TypeVar("Item")
SIZE = 200


@dataclass(frozen=True)
class Window(Generic[Item]):
    """A part of a list from index `start`, which the query parameter gives."""

    items: Sequence[Item]
    start: int
    total: int
    parameter: str
    size: int

    @classmethod
    def of(cls, request: HttpRequest, parameter: str, items: Sequence[Item], size: int = SIZE) -> "Window[Item]":
        """The part that the request selects. An invalid start, or one beyond the end, means 0."""
        asked = request.GET.get(parameter, "")
        start = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0
        start = start if start < len(items) else 0
        return cls(items[start : start + size], start, len(items), parameter, size)

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def first(self) -> int:
        """The position of the first shown entry, from 1."""
        return self.start + 1

    @property
    def last(self) -> int:
        """The position of the last shown entry."""
        return self.start + len(self.items)

    @property
    def before(self) -> str | None:
        """The start of the previous part."""
        return str(max(0, self.start - self.size)) if self.start else None

    @property
    def after(self) -> str | None:
        """The start of the next part; None on the last."""
        return str(self.last) if self.last < self.total else None


def pairs(mapping: Any) -> list[tuple[Any, Any]]:
    """The entries of a mapping as a list; an empty list for other values.

    In templates `mapping.items` may resolve to an entry named `items`, so templates use this filter instead.
    """
    return list(mapping.items()) if isinstance(mapping, Mapping) else []
