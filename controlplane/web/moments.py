"""The one way from a stored time to what a page shows.

Stored times come from validation documents, Airflow, Spark and files, so they reach both ends of the calendar. A time
in the last hours of the year 9999 has no local time east of UTC, and one in the first hours of the year 1 none west of
it: Python raises OverflowError there. Templates therefore show times with the tags `when`, `since`, `absolute` and the
filter `clock`, never with Django's `date`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; the first or last one of the calendar where it lies beyond. A naive one is in UTC."""
    if timezone.is_naive(moment):
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return FIRST if moment.year == 1 else LAST


def at_seconds(seconds: float) -> datetime:
    """So many seconds after 1970 in UTC; the first or last moment of the calendar where that lies beyond."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return FIRST if seconds < 0 else LAST


def local(moment: datetime) -> datetime:
    """The moment in the zone in force; in UTC where that zone has no such time."""
    in_utc = utc(moment)
    try:
        return timezone.localtime(in_utc)
    except (OverflowError, ValueError):
        return in_utc


def iso(moment: datetime) -> str:
    """The moment as an attribute of HTML: in UTC, to the second."""
    return utc(moment).isoformat(timespec="seconds").replace("+00:00", "Z")


def written(moment: datetime) -> str:
    """The moment in the zone in force, to the second, with the zone's name."""
    return f"{local(moment):%Y-%m-%d %H:%M:%S %Z}"


def read(text: Any) -> datetime | None:
    """The moment that a stored JSON text holds, or None where it holds none."""
    if not isinstance(text, str):
        return None
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError:
        return None
