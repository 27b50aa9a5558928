"""Due times of a schedule: a cron expression in UTC, to the minute, or a single time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Protocol

from celery.schedules import crontab_parser

from controlplane.errors import InvalidInputError

LONGEST_CRON = 100
# The maximum distance of a single time from now.
FARTHEST = timedelta(days=3660)
# The rarest day of a cron expression is 29 February, with gaps of up to eight years.
_LOOK_AHEAD_DAYS = 366 * 9
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_EXAMPLE = "Example: 0 6 * * mon-fri runs at 06:00 UTC from Monday to Friday."


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    count: int
    remedy: str
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 60, "Use 0 to 59, a list such as 0,30, a range such as 0-15, or a step such as */5."),
    _Field("hour", 0, 24, "Use 0 to 23, a list such as 6,18, a range such as 8-17, or a step such as */2."),
    _Field("day of month", 1, 31, "Use 1 to 31, a list such as 1,15, a range such as 1-7, or *."),
    _Field("month", 1, 12, "Use 1 to 12 or jan to dec, a list, a range such as apr-sep, or *.", tuple(_MONTHS)),
    _Field("day of week", 0, 7, "Use 0 to 6 or sun to sat (Sunday is 0), a list, a range, or *.", tuple(_DAYS)),
)


class Times(Protocol):
    """Due times."""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after this moment, in order. May be infinite."""


@dataclass(frozen=True)
class Once:
    """A single time."""

    at: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The single time, if it is in the future."""
        if self.at > moment:
            yield self.at


@dataclass(frozen=True)
class Cron:
    """A cron expression: minute, hour, day of month, month, day of week."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Parse an expression.

        Raises:
            InvalidInputError: it is invalid; the message names the field.
        """
        parts = text.split()
        if len(text) > LONGEST_CRON:
            raise InvalidInputError(
                f"cron: Too long: {len(text)} characters.", f"The maximum is {LONGEST_CRON} characters. {_EXAMPLE}"
            )
        if len(parts) != len(_FIELDS):
            wanted = "minute, hour, day of month, month and day of week"
            raise InvalidInputError(f"cron: Expected 5 fields, found {len(parts)}.", f"Enter {wanted}. {_EXAMPLE}")
        sets = [_numbers(field, part) for field, part in zip(_FIELDS, parts, strict=True)]
        minutes, hours, days, months, weekdays = sets
        if len(days) < 31 and len(weekdays) < 7:
            # Cron implementations disagree: days that match either, or only days that match both.
            raise InvalidInputError(
                f"cron: Both day of month ({parts[2]}) and day of week ({parts[4]}) are restricted.",
                "Set one of them to *. To run on either, create two schedules.",
            )
        found = cls(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays)
        # In a leap year, so that 29 February is valid.
        if not any(_is_day(2024, month, day) for month in months for day in days):
            raise InvalidInputError(
                f"cron: No month in {parts[3]} has the day {parts[2]}.", "Use a day that exists in the month."
            )
        return found

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after this moment, in order, infinite."""
        first = moment.astimezone(UTC)
        day, idle = first.date() - timedelta(days=1), 0
        while idle < _LOOK_AHEAD_DAYS:
            day, idle = day + timedelta(days=1), idle + 1
            if not self._has(day):
                continue
            idle = 0
            for hour in self.hours:
                for minute in self.minutes:
                    due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if due > first:
                        yield due

    def _has(self, day: date) -> bool:
        # Python's week begins on Monday, cron's on Sunday.
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays


def cron_text(text: str) -> str:
    """The expression as it is stored: validated, with single spaces.

    Raises:
        InvalidInputError: it is invalid; the message names the field.
    """
    Cron.parse(text)
    return " ".join(text.split())


def upcoming(times: Times, after: datetime, count: int = 3) -> list[datetime]:
    """The next times, at most `count`."""
    return list(islice(times.after(after), count))


def _numbers(field: _Field, part: str) -> frozenset[int]:
    """The numbers of one field.

    Celery accepts weekday names in every field and reads only their first three letters. Here a name is valid only in
    its own field and in full.
    """
    pieces = [piece for piece in re.split(r"[*,/-]", part.lower()) if piece]
    if part.isascii() and all(piece.isdigit() or piece in field.names for piece in pieces):
        try:
            found = crontab_parser(field.count, field.least).parse(part.lower())
        except Exception:  # it raises whatever its steps raise
            found = set()
        if found and min(found) >= field.least and max(found) < field.least + field.count:
            return frozenset(found)
    raise InvalidInputError(f"cron: Invalid {field.name} {part!r}.", field.remedy)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
