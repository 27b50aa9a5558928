"""Converts stored times for display.

Stored times come from validation documents, Airflow, Spark and files, so they may reach both ends of the supported
range. A time in the last hours of the year 9999 has no local time east of UTC, and one in the first hours of the year 1
none west of it: Python raises OverflowError there. Templates therefore show times with the tags `when`, `since`,
`absolute` and the filter `clock`, never with Django's `date`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(moment: datetime) -> datetime:
    """The same time in UTC, limited to the supported range. A naive time is taken as UTC."""
    if timezone.is_naive(moment):
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return FIRST if moment.year == 1 else LAST


def at_seconds(seconds: float) -> datetime:
    """Seconds since 1970 as a time in UTC, limited to the supported range."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return FIRST if seconds < 0 else LAST


def local(moment: datetime) -> datetime:
    """The time in the active time zone; in UTC if it is out of range there."""
    in_utc = utc(moment)
    try:
        return timezone.localtime(in_utc)
    except (OverflowError, ValueError):
        return in_utc


def iso(moment: datetime) -> str:
    """The time for an HTML attribute: in UTC, to the second."""
    return utc(moment).isoformat(timespec="seconds").replace("+00:00", "Z")


def written(moment: datetime) -> str:
    """The time in the active time zone, to the second, with the zone's name."""
    return f"{local(moment):%Y-%m-%d %H:%M:%S %Z}"


def read(text: Any) -> datetime | None:
    """Parse a time from a JSON value; None if invalid."""
    if not isinstance(text, str):
        return None
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError:
        return None
