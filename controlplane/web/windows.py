"""Long lists within a page that have no page of their own: a part of each, with the way to the parts beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.http import HttpRequest

Item = TypeVar("Item")
SIZE = 200


@dataclass(frozen=True)
class Window(Generic[Item]):
    """Some of a list, from the place `start` on, which the parameter of the address says."""

    items: Sequence[Item]
    start: int
    total: int
    parameter: str
    size: int

    @classmethod
    def of(cls, request: HttpRequest, parameter: str, items: Sequence[Item], size: int = SIZE) -> "Window[Item]":
        """What the request asks for. A start that is none, or lies behind the end, is the beginning."""
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
        return self.start + 1

    @property
    def last(self) -> int:
        return self.start + len(self.items)

    @property
    def before(self) -> str | None:
        """The start of the part before it."""
        return str(max(0, self.start - self.size)) if self.start else None

    @property
    def after(self) -> str | None:
        return str(self.last) if self.last < self.total else None


def pairs(mapping: Any) -> list[tuple[Any, Any]]:
    """The entries of a mapping as a list; what is no mapping has none.

    The template language takes `mapping.items` for the entry that is called `items`, where there is one. So templates
    ask for the entries of a mapping in this way only.
    """
    return list(mapping.items()) if isinstance(mapping, Mapping) else []
