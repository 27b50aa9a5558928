"""When a schedule is due: by a cron expression, or once. All in UTC, to the minute or as the one time says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Protocol

from celery.schedules import crontab_parser

from controlplane.errors import InvalidInputError

LONGEST_CRON = 100
# A one-off time lies at most so far ahead.
FARTHEST = timedelta(days=3660)
# The rarest day of a cron expression is the 29th of February, which may be away for eight years.
_LOOK_AHEAD_DAYS = 366 * 9
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_EXAMPLE = "For example 0 6 * * mon-fri: at 06:00 UTC from Monday to Friday."


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    count: int
    remedy: str
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 60, "Write 0 to 59, a list such as 0,30, a range such as 0-15, or a step such as */5."),
    _Field("hour", 0, 24, "Write 0 to 23, a list such as 6,18, a range such as 8-17, or a step such as */2."),
    _Field("day of the month", 1, 31, "Write 1 to 31, a list such as 1,15, a range such as 1-7, or *."),
    _Field("month", 1, 12, "Write 1 to 12 or jan to dec, a list, a range such as apr-sep, or *.", tuple(_MONTHS)),
    _Field("weekday", 0, 7, "Write 0 to 6 or sun to sat (Sunday is 0), a list, a range, or *.", tuple(_DAYS)),
)


class Times(Protocol):
    """When something is due."""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after this moment, in order, without end unless there is one."""


@dataclass(frozen=True)
class Once:
    """One time."""

    at: datetime

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The one time, if it is yet to come."""
        if self.at > moment:
            yield self.at


@dataclass(frozen=True)
class Cron:
    """A cron expression: minute, hour, day of the month, month, weekday."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """The expression in this text.

        Raises:
            InvalidInputError: it is none; the message names the field.
        """
        parts = text.split()
        if len(text) > LONGEST_CRON:
            raise InvalidInputError(f"cron: has {len(text)} characters.", f"{LONGEST_CRON} are enough. {_EXAMPLE}")
        if len(parts) != len(_FIELDS):
            wanted = "minute, hour, day of the month, month and weekday"
            raise InvalidInputError(f"cron: has {len(parts)} fields, not five: {wanted}.", _EXAMPLE)
        sets = [_numbers(field, part) for field, part in zip(_FIELDS, parts, strict=True)]
        minutes, hours, days, months, weekdays = sets
        if len(days) < 31 and len(weekdays) < 7:
            # Programs disagree on what both together mean: either, or only days that are both.
            raise InvalidInputError(
                f"cron: says both the day of the month ({parts[2]}) and the weekday ({parts[4]}).",
                "Leave one of them at *; make two schedules if you want either.",
            )
        found = cls(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays)
        # In a leap year, so that the 29th of February counts.
        if not any(_is_day(2024, month, day) for month in months for day in days):
            raise InvalidInputError(
                f"cron: no month of {parts[3]} has a day {parts[2]}.", "Choose a day of the month that there is."
            )
        return found

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after this moment, in order, without end."""
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
    """The expression as it is kept: checked, with single spaces.

    Raises:
        InvalidInputError: it is none; the message names the field.
    """
    Cron.parse(text)
    return " ".join(text.split())


def upcoming(times: Times, after: datetime, count: int = 3) -> list[datetime]:
    """The next times, at most so many."""
    return list(islice(times.after(after), count))


def _numbers(field: _Field, part: str) -> frozenset[int]:
    """The numbers of one field.

    Celery reads names of weekdays in every field and only their first three letters; here a name stands where it
    belongs, and in full.
    """
    pieces = [piece for piece in re.split(r"[*,/-]", part.lower()) if piece]
    if part.isascii() and all(piece.isdigit() or piece in field.names for piece in pieces):
        try:
            found = crontab_parser(field.count, field.least).parse(part.lower())
        except Exception:  # it raises whatever its steps raise
            found = set()
        if found and min(found) >= field.least and max(found) < field.least + field.count:
            return frozenset(found)
    raise InvalidInputError(f"cron: the {field.name} is {part!r}, which can't be.", field.remedy)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
