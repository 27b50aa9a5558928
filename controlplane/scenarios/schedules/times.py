"""Due times of a schedule: a cron expression in UTC, to the minute, or a single time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

from celery.schedules import crontab_parser
from cronsim import CronSim, CronSimError

from controlplane.errors import InvalidInputError

LONGEST_CRON = 100
# The maximum distance of a single time from now.
FARTHEST = timedelta(days=3660)
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

    expression: str
    """The numbers of each field, or `*` for all of them: a form that no implementation of cron reads otherwise."""

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
        fields = [_numbers(field, part) for field, part in zip(_FIELDS, parts, strict=True)]
        if fields[2] != "*" and fields[4] != "*":
            # Cron implementations disagree: days that match either, or only days that match both.
            raise InvalidInputError(
                f"cron: Both day of month ({parts[2]}) and day of week ({parts[4]}) are restricted.",
                "Set one of them to *. To run on either, create two schedules.",
            )
        found = cls(" ".join(fields))
        try:
            found.after(datetime.now(UTC))
        except CronSimError:
            raise InvalidInputError(
                f"cron: No month in {parts[3]} has the day {parts[2]}.", "Use a day that exists in the month."
            ) from None
        return found

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after this moment, in order, infinite."""
        return CronSim(self.expression, moment.astimezone(UTC))


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


def _numbers(field: _Field, part: str) -> str:
    """The numbers of one field, ascending and separated by commas, or `*` for all of them.

    Celery's parser is used because it accepts ranges over the end, such as fri-mon. It also accepts weekday names in
    every field and reads only their first three letters. Here a name is valid only in its own field and in full.

    Raises:
        InvalidInputError: the field is invalid; the message names it.
    """
    pieces = [piece for piece in re.split(r"[*,/-]", part.lower()) if piece]
    if part.isascii() and all(piece.isdigit() or piece in field.names for piece in pieces):
        try:
            found = crontab_parser(field.count, field.least).parse(part.lower())
        except Exception:  # it raises whatever its steps raise
            found = set()
        if found and min(found) >= field.least and max(found) < field.least + field.count:
            return "*" if len(found) == field.count else ",".join(map(str, sorted(found)))
    raise InvalidInputError(f"cron: Invalid {field.name} {part!r}.", field.remedy)
