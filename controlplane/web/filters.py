"""The common filters of every list: text, time range and order.

Pages and the API use the same four parameters: `text`, `since`, `until`, `sort`. A list's own filters (such as a state)
are additional fields of its form. Pages parse them with a `ListForm`, the API with a `ListQuery`; both return a
`ListFilter`, and `controlplane.web.paging` splits the result into pages.
"""

import contextlib
import re
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, tzinfo
from typing import Any, Literal, Protocol, TypeVar

from django import forms
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from ninja import Schema
from pydantic import Field

from controlplane.errors import InvalidInputError
from controlplane.web.api_input import Text

Row = TypeVar("Row", bound=Model)
NEWEST, OLDEST = "newest", "oldest"
LONGEST_TEXT = 200
# An ISO 8601 date and time with an offset has 32 characters. The search for a lost plus is quadratic in the length.
LONGEST_MOMENT = 64
# The plus of a time zone offset becomes a space when a query string is decoded.
_LOST_PLUS = re.compile(r"(T\S*) (\d\d:?\d\d)$")


class HasTimeZone(Protocol):
    """The user of a list: times are in this time zone."""

    @property
    def time_zone(self) -> str:
        """The name of the user's time zone."""


@dataclass(frozen=True)
class ListFilter:
    """The filter and order of a list. Both ends of the time range are inclusive."""

    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False

    def apply(self, rows: QuerySet[Row], *, at: str, text: Iterable[str]) -> QuerySet[Row]:
        """The rows whose `at` is in the range and of which one of the fields `text` contains the searched text."""
        if self.since:
            rows = rows.filter(**{f"{at}__gte": self.since})
        if self.until:
            rows = rows.filter(**{f"{at}__lte": self.until})
        if self.text:
            wanted = Q()
            for field in text:
                wanted |= Q(**{f"{field}__icontains": self.text})
            rows = rows.filter(wanted)
        return rows

    def covers(self, at: datetime | None, *texts: str) -> bool:
        """The same for an object outside the database. An object without a time is in no range."""
        if (self.since or self.until) and at is None:
            return False
        if at is not None and ((self.since and at < self.since) or (self.until and at > self.until)):
            return False
        return any(self.text.lower() in text.lower() for text in texts) if self.text else True

    def ordered(self, order: tuple[str, ...]) -> tuple[str, ...]:
        """The given order (newest first), or its reverse."""
        if not self.oldest_first:
            return order
        return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


ALL = ListFilter()


def moment(name: str, text: str, *, ends: bool = False) -> datetime | None:
    """Parse a time parameter, in the active time zone unless it has an offset; None for an empty text.

    Args:
        name: the name of the field in errors.
        text: an ISO 8601 date or date and time.
        ends: a date means the end of that day instead of its start.

    Raises:
        InvalidInputError: the text is not a valid time.
    """
    if not text:
        return None
    if len(text) > LONGEST_MOMENT:
        raise InvalidInputError(
            f"{name}: {len(text):,} characters exceed the limit of {LONGEST_MOMENT}.",
            "Use the format 2026-11-23T17:00:00Z.",
        )
    found: datetime | None = None
    with contextlib.suppress(ValueError, OverflowError):
        day = parse_date(text)
        if day is not None:
            read: datetime | None = datetime.combine(day, time.max if ends else time.min)
        else:
            read = parse_datetime(_LOST_PLUS.sub(r"\1+\2", text))
        if read is not None:
            # Converted to UTC, so that times out of range are rejected here.
            found = (read if timezone.is_aware(read) else timezone.make_aware(read)).astimezone(UTC)
    if found is None:
        raise InvalidInputError(
            f"{name}: {text} is not a valid time.", "Use the format 2026-11-23T17:00:00Z or 2026-11-23."
        )
    return found


def zone_of(person: HasTimeZone) -> tzinfo:
    """The time zone of a user; UTC if the zone is no longer in the time zone data."""
    try:
        return zoneinfo.ZoneInfo(person.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


class MomentInput(forms.DateTimeInput):
    """The browser's date and time picker, in the user's time zone."""

    input_type = "datetime-local"

    def __init__(self, *, ends: bool = False) -> None:
        super().__init__(attrs={"step": "any"})
        self.ends = ends

    def format_value(self, value: Any) -> str | None:
        """The time in the form that the input element accepts; invalid text as it is."""
        try:
            found = moment("", str(value or ""), ends=self.ends)
        except InvalidInputError:
            return str(value)
        if found is None:
            return None
        local = timezone.localtime(found).replace(tzinfo=None)
        return local.isoformat(timespec="seconds" if local.second else "minutes")


class MomentField(forms.CharField):
    """A time, parsed by `moment`."""

    def __init__(self, *, label: str, ends: bool = False) -> None:
        super().__init__(required=False, label=label, widget=MomentInput(ends=ends))
        self.ends = ends

    def clean(self, value: Any) -> Any:
        """The time that was entered; raises `ValidationError`."""
        try:
            return moment(str(self.label or ""), super().clean(value), ends=self.ends)
        except InvalidInputError as error:
            raise forms.ValidationError(str(error)) from error


# The limit of choices in a list of a form. The text filter finds the rest.
MOST_CHOICES = 500


def with_chosen(
    listed: list[tuple[str, str]], chosen: str, label_of: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    """The choices, and the chosen one if it exists beyond the limit.

    Args:
        label_of: the label of a value that is not listed; None if the value does not exist.
    """
    if not chosen or "\x00" in chosen or any(value == chosen for value, _ in listed):
        return listed
    label = label_of(chosen)
    return listed if label is None else [*listed, (chosen, label)]


class ListForm(forms.Form):
    """The filters of a list, from the query string. A list's form adds its own fields between the text and the times.

    An invalid value is shown as an error and does not filter.
    """

    text_label = "Search"
    text = forms.CharField(
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.TextInput(attrs={"type": "search", "data-search": True, "autocomplete": "off"}),
    )
    since = MomentField(label="From")
    until = MomentField(label="To", ends=True)
    sort = forms.ChoiceField(
        required=False, label="Order", choices=[("", "Newest first"), (OLDEST, "Oldest first")], initial=""
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].label = self.text_label
        own = [name for name in self.fields if name not in ListForm.base_fields]
        self.order_fields(["text", *own, "since", "until", "sort"])
        for field in self.fields.values():
            select = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if select else "form-control"
            # A browser would truncate pasted text silently; the form reports that it is too long.
            field.widget.attrs.pop("maxlength", None)

    def value(self, name: str) -> str:
        """The value of one of the list's own fields; empty if missing or invalid."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def list_filter(self) -> ListFilter:
        """The text, the times and the order; invalid fields do not filter."""
        self.is_valid()
        return ListFilter(
            text=self.value("text"),
            since=self.cleaned_data.get("since"),
            until=self.cleaned_data.get("until"),
            oldest_first=self.value("sort") == OLDEST,
        )

    @property
    def filtered(self) -> bool:
        """Whether any filter is set. The order and hidden fields are no filters."""
        return any(self.data.get(field.name) for field in self.visible_fields() if field.name != "sort")


_MOMENTS: list[Any] = [{"format": "date-time"}, {"format": "date"}, {"const": ""}]


class RangeQuery(Schema):
    """Text and times in the API. Times without an offset are in the time zone of the token's user."""

    text: Text = Field("", max_length=LONGEST_TEXT, description="Searched in the text columns.")
    since: str = Field(
        "", description="Earliest time: an ISO 8601 date or date and time.", json_schema_extra={"anyOf": _MOMENTS}
    )
    until: str = Field(
        "", description="Latest time; a date includes the whole day.", json_schema_extra={"anyOf": _MOMENTS}
    )

    def list_filter(self, person: HasTimeZone) -> ListFilter:
        """The filter.

        Raises:
            InvalidInputError: a time is invalid.
        """
        with timezone.override(zone_of(person)):
            return ListFilter(
                text=self.text.strip(),
                since=moment("since", self.since),
                until=moment("until", self.until, ends=True),
            )


class ListQuery(RangeQuery):
    """The filters and the order of a list in the API."""

    sort: Literal["newest", "oldest"] = Field("newest", description="The order of the list.")

    def list_filter(self, person: HasTimeZone) -> ListFilter:
        """The filter, with the order."""
        return replace(super().list_filter(person), oldest_first=self.sort == OLDEST)
