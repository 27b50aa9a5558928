"""Lists paged by key: a page starts after the last row of the one before, however many rows came in meanwhile."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet

from controlplane.errors import InvalidInputError

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50
LARGEST_PAGE = 200
# No row's key is longer. Python's JSON parser recurses into nested lists, so an unbounded cursor can end it.
LONGEST_CURSOR = 1000
# Base64 for addresses, without its padding.
CURSOR = r"^[A-Za-z0-9_-]*$"


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list. `next` is the cursor of the page after it, or None."""

    items: list[Row]
    next: str | None
    cursor: str | None

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def paginate(
    rows: QuerySet[Row], *, order: tuple[str, ...], cursor: str | None = None, size: int = PAGE_SIZE
) -> Page[Row]:
    """One page of `rows`.

    Args:
        order: field names, `-` for descending; together they tell every row from every other, and none is null.
        cursor: what an earlier page gave as `next`.
        size: rows a page, at most `LARGEST_PAGE`.

    Raises:
        InvalidInputError: the cursor is not one of ours.
    """
    size = max(1, min(size, LARGEST_PAGE))
    try:
        if cursor:
            rows = rows.filter(_after(order, decode_cursor(cursor, len(order))))
        found = list(rows.order_by(*order)[: size + 1])
    except (ValueError, TypeError, OverflowError, ValidationError, DataError) as error:
        if not cursor:
            raise  # something else that the list was asked for
        raise InvalidInputError("cursor: is none of this list.", "Start again from the first page.") from error
    further = _encode(found[size - 1], order) if len(found) > size else None
    return Page(found[:size], further, cursor or None)


def _after(order: tuple[str, ...], values: list[Any]) -> Q:
    condition = Q()
    equal = Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        condition |= equal & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal &= Q(**{field: value})
    return condition


def _encode(row: Model, order: tuple[str, ...]) -> str:
    values: list[int | float | str] = []
    for name in order:
        value: Any = row
        for step in name.lstrip("-").split("__"):
            value = getattr(value, step)
        values.append(value if isinstance(value, int | float) else str(value))
    return encode_cursor(values)


def encode_cursor(values: list[int | float | str]) -> str:
    """The values of a row by which its list is ordered, as a text for an address."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> list[Any]:
    """The values of a cursor: so many numbers and texts.

    Raises:
        ValueError: it is not a cursor of a list that is ordered by so many values.
    """
    if len(cursor) > LONGEST_CURSOR:
        raise ValueError(f"longer than {LONGEST_CURSOR} characters")
    if not re.fullmatch(CURSOR, cursor):
        raise ValueError("has characters that no cursor has")
    values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    ours = isinstance(values, list) and len(values) == length
    if not ours or not all(isinstance(value, int | float | str) for value in values):
        raise ValueError("not a cursor of this list")
    return list(values)
