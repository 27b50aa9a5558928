"""Keyset pagination: a page starts after the last row of the previous page, however many rows were added meanwhile."""

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
# No key is longer. Python's JSON parser recurses into nested lists, so an unbounded cursor could crash it.
LONGEST_CURSOR = 1000
# Base64url without padding.
CURSOR = r"^[A-Za-z0-9_-]*$"


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list. `next` is the cursor of the next page, or None."""

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
        order: field names, `-` for descending; together they are unique, and none is null.
        cursor: `next` of the previous page.
        size: rows per page, at most `LARGEST_PAGE`.

    Raises:
        InvalidInputError: the cursor is invalid.
    """
    size = max(1, min(size, LARGEST_PAGE))
    try:
        if cursor:
            rows = rows.filter(_after(order, decode_cursor(cursor, len(order))))
        found = list(rows.order_by(*order)[: size + 1])
    except (ValueError, TypeError, OverflowError, ValidationError, DataError) as error:
        if not cursor:
            raise  # the error has another cause
        raise InvalidInputError("cursor: does not belong to this list.", "Start again from the first page.") from error
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
    """Encode the order values of a row as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> list[Any]:
    """Decode a cursor to `length` numbers and strings.

    Raises:
        ValueError: the cursor is invalid.
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
