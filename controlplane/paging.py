"""Paging by key: the newest first, and a cursor that says after which row the next page starts.

An offset would count through all rows before the page and would show a row twice when newer ones come in meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from controlplane.accounts.errors import InvalidInputError

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list. `next` goes into `?after=` for the following page; None on the last one."""

    items: Sequence[Item]
    next: str | None


def page_by_time(rows: QuerySet[Row], *, field: str, after: str | None, size: int = 50) -> Page[Row]:
    """The `size` rows that follow the cursor `after`, newest `field` first, the primary key breaking ties.

    Raises:
        InvalidInputError: the cursor is none of ours.
    """
    if after:
        moment, _, key = after.partition("_")
        try:
            at, pk = datetime.fromisoformat(moment), rows.model._meta.pk.to_python(key)
        except Exception as error:  # every key type has an error of its own for a text that is none of its values
            raise InvalidInputError("after: is not a cursor of this list.", "Start from the first page.") from error
        rows = rows.filter(Q(**{f"{field}__lt": at}) | Q(**{field: at, "pk__lt": pk}))
    found = list(rows.order_by(f"-{field}", "-pk")[: size + 1])
    return Page(found[:size], _cursor(found[size - 1], field) if len(found) > size else None)


def _cursor(row: Any, field: str) -> str:
    return f"{getattr(row, field).isoformat()}_{row.pk}"
