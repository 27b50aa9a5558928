"""What every list is narrowed and ordered by: a text, a time range and which end comes first.

The same four names stand in the address of a page and in the API: `text`, `since`, `until`, `sort`. A list's own
filters (a state, a kind) are fields of its form beside them. Pages read them with a `ListForm`, the API with a
`ListQuery`; both give a `Narrowing`, and `controlplane.web.paging` cuts what is left into pages.
"""

import contextlib
import re
import zoneinfo
from collections.abc import Iterable
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
# An ISO 8601 date and time with an offset has 32 characters. The search for a lost plus is quadratic in
# the length.
LONGEST_MOMENT = 64
# The plus of a time zone is a space once an address has been read.
_LOST_PLUS = re.compile(r"(T\S*) (\d\d:?\d\d)$")


class HasTimeZone(Protocol):
    """Who reads a list: times are in the zone of this name."""

    @property
    def time_zone(self) -> str: ...


@dataclass(frozen=True)
class Narrowing:
    """Which rows of a list are wanted, both ends of the range included, and from which end they are listed."""

    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False

    def of(self, rows: QuerySet[Row], *, at: str, text: Iterable[str]) -> QuerySet[Row]:
        """The rows whose `at` lies in the range and one of whose fields `text` contains what is looked for."""
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
        """The same for a row that is in no database of ours. One without a time is in no range."""
        if (self.since or self.until) and at is None:
            return False
        if at is not None and ((self.since and at < self.since) or (self.until and at > self.until)):
            return False
        return any(self.text.lower() in text.lower() for text in texts) if self.text else True

    def ordered(self, order: tuple[str, ...]) -> tuple[str, ...]:
        """The order of a list, newest first, or the same turned round."""
        if not self.oldest_first:
            return order
        return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


ALL = Narrowing()


def moment(name: str, text: str, *, ends: bool = False) -> datetime | None:
    """A moment of an address, in the zone in force unless it names one; None for an empty text.

    Args:
        name: what a refusal calls it.
        text: an ISO 8601 date or date and time.
        ends: a date alone is the end of that day instead of its beginning.

    Raises:
        InvalidInputError: it is neither.
    """
    if not text:
        return None
    if len(text) > LONGEST_MOMENT:
        raise InvalidInputError(
            f"{name}: has {len(text):,} characters, {LONGEST_MOMENT} at most.", "Write it as 2026-11-23T17:00:00Z."
        )
    found: datetime | None = None
    with contextlib.suppress(ValueError, OverflowError):
        day = parse_date(text)
        if day is not None:
            read: datetime | None = datetime.combine(day, time.max if ends else time.min)
        else:
            read = parse_datetime(_LOST_PLUS.sub(r"\1+\2", text))
        if read is not None:
            # In UTC, so that what lies beyond the calendar is refused here.
            found = (read if timezone.is_aware(read) else timezone.make_aware(read)).astimezone(UTC)
    if found is None:
        raise InvalidInputError(f"{name}: {text} is no moment.", "Write it as 2026-11-23T17:00:00Z or as 2026-11-23.")
    return found


def zone_of(person: HasTimeZone) -> tzinfo:
    """The zone in which a person reads times; UTC where theirs has left the time zone data."""
    try:
        return zoneinfo.ZoneInfo(person.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


class MomentInput(forms.DateTimeInput):
    """The browser's own picker of a date and a time, in the person's zone."""

    input_type = "datetime-local"

    def __init__(self, *, ends: bool = False) -> None:
        super().__init__(attrs={"step": "any"})
        self.ends = ends

    def format_value(self, value: Any) -> str | None:
        try:
            found = moment("", str(value or ""), ends=self.ends)
        except InvalidInputError:
            return str(value)
        if found is None:
            return None
        local = timezone.localtime(found).replace(tzinfo=None)
        return local.isoformat(timespec="seconds" if local.second else "minutes")


class MomentField(forms.CharField):
    """A moment as `moment` reads it."""

    def __init__(self, *, label: str, ends: bool = False) -> None:
        super().__init__(required=False, label=label, widget=MomentInput(ends=ends))
        self.ends = ends

    def clean(self, value: Any) -> Any:
        try:
            return moment(str(self.label or ""), super().clean(value), ends=self.ends)
        except InvalidInputError as error:
            raise forms.ValidationError(str(error)) from error


class ListForm(forms.Form):
    """The filters of a list, as they stand in the address. A list's form adds its own between the text and the times.

    What can't be read is an error that the page shows; that field then lets everything through.
    """

    text_label = "Anything"
    text = forms.CharField(
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.TextInput(attrs={"type": "search", "data-search": True, "autocomplete": "off"}),
    )
    since = MomentField(label="From")
    until = MomentField(label="To", ends=True)
    sort = forms.ChoiceField(
        required=False, label="Order", choices=[("", "newest first"), (OLDEST, "oldest first")], initial=""
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].label = self.text_label
        own = [name for name in self.fields if name not in ListForm.base_fields]
        self.order_fields(["text", *own, "since", "until", "sort"])
        for field in self.fields.values():
            select = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if select else "form-control"
            # A browser would cut what is pasted; the form says that it is too long.
            field.widget.attrs.pop("maxlength", None)

    def value(self, name: str) -> str:
        """What was chosen in one of the list's own fields; empty where nothing was, or no choice."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def narrowing(self) -> Narrowing:
        """The text, the times and the order; a field in error lets everything through."""
        self.is_valid()
        return Narrowing(
            text=self.value("text"),
            since=self.cleaned_data.get("since"),
            until=self.cleaned_data.get("until"),
            oldest_first=self.value("sort") == OLDEST,
        )

    @property
    def filtered(self) -> bool:
        """Whether anything but the order was asked for; hidden fields are no filters."""
        return any(self.data.get(field.name) for field in self.visible_fields() if field.name != "sort")


_MOMENTS: list[Any] = [{"format": "date-time"}, {"format": "date"}, {"const": ""}]


class RangeQuery(Schema):
    """Text and times in the API. Moments that name no zone are in the zone of the person whose token it is."""

    text: Text = Field("", max_length=LONGEST_TEXT, description="Looked for in the columns of text.")
    since: str = Field(
        "", description="The earliest: an ISO 8601 date or date and time.", json_schema_extra={"anyOf": _MOMENTS}
    )
    until: str = Field("", description="The latest; a date means the whole day.", json_schema_extra={"anyOf": _MOMENTS})

    def narrowing(self, person: HasTimeZone) -> Narrowing:
        """What is wanted.

        Raises:
            InvalidInputError: a moment is none.
        """
        with timezone.override(zone_of(person)):
            return Narrowing(
                text=self.text.strip(),
                since=moment("since", self.since),
                until=moment("until", self.until, ends=True),
            )


class ListQuery(RangeQuery):
    """All that a list is narrowed and ordered by, in the API."""

    sort: Literal["newest", "oldest"] = Field("newest", description="Which end of the list comes first.")

    def narrowing(self, person: HasTimeZone) -> Narrowing:
        """As RangeQuery's, with the order."""
        return replace(super().narrowing(person), oldest_first=self.sort == OLDEST)
