"""Shared reads of the stream. They read rows only and call no external system."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import TypedDict

from django.utils import timezone

from controlplane.health.selectors import Points, rate
from controlplane.health.selectors import rate_series as measured_rates
from controlplane.health.selectors import series as measured_values
from controlplane.streaming.models import Stream, StreamBatch, StreamConfiguration
from controlplane.web.filters import ALL, ListFilter
from controlplane.web.paging import Page, paginate

BRONZE = "bronze.records"
# Only batches with rows are stored, so a longer pause than this means that no data arrived.
PAUSE_SHOWN = timedelta(seconds=30)


class Series(TypedDict):
    """One line of a chart; a value of None is a gap."""

    name: str
    points: Points


def stream_get() -> Stream:
    """The stream; created as stopped with the default configuration on first use."""
    rows = Stream.objects.select_related("configuration", "started_configuration")
    found = rows.filter(pk=1).first()
    if found is None:
        configuration = StreamConfiguration.objects.order_by("version").first() or StreamConfiguration.objects.create()
        Stream.objects.get_or_create(pk=1, defaults={"configuration": configuration})
        found = rows.get(pk=1)
    return found


def batches(*, wanted: ListFilter = ALL, cursor: str | None = None, size: int = 50) -> Page[StreamBatch]:
    """A page of the batches with rows, newest first unless `wanted` reverses it. The text is searched in the query id,
    the run id and the batch number.

    Raises:
        InvalidInputError: the cursor does not belong to this list.
    """
    rows = StreamBatch.objects.select_related("configuration")
    rows = wanted.apply(rows, at="started_at", text=("query_id", "run_id", "batch_id"))
    return paginate(rows, order=wanted.ordered(("-started_at", "-id")), cursor=cursor, size=size)


def rate_now() -> float | None:
    """The current ingest rate into bronze in rows per second, measured on the table; None while it is unreadable."""
    return rate(BRONZE)


@dataclass(frozen=True)
class Range:
    """A time range of the charts. In long ranges one point covers `width`, since a screen can't show more points and a
    chart that refreshes often must not load a day of measurements."""

    key: str
    label: str
    span: timedelta
    width: timedelta
    refresh_seconds: int

    @property
    def minutes(self) -> float:
        """The length of the range in minutes."""
        return self.span.total_seconds() / 60


RANGES = (
    Range("30m", "30 min", timedelta(minutes=30), timedelta(0), 5),
    Range("2h", "2 h", timedelta(hours=2), timedelta(seconds=20), 15),
    Range("24h", "24 h", timedelta(hours=24), timedelta(minutes=4), 60),
)


def range_of(key: str) -> Range:
    """The range of that key, or the shortest one."""
    return next((found for found in RANGES if found.key == key), RANGES[0])


def rate_series(over: Range) -> list[Series]:
    """The ingest rate into bronze in rows per second, measured on the table; a gap where it was unreadable."""
    return [{"name": "Ingest rate", "points": measured_rates(BRONZE, over.minutes)}]


def lag_series(over: Range) -> list[Series]:
    """The consumer lag in records, measured every few seconds, as the maximum of each point; a gap where it is
    unknown."""
    return [{"name": "Consumer lag", "points": _gathered(measured_values("bronze.lag", over.minutes), over, max)}]


def _gathered(points: Points, over: Range, of: Callable[[list[float]], float]) -> Points:
    """One point per width, at the time of its first value; gaps stay."""
    if not over.width:
        return points
    width = over.width.total_seconds()
    groups: list[tuple[str, list[float]]] = []
    before: float | None = None
    for at, value in points:
        place = None if value is None else datetime.fromisoformat(at).timestamp() // width
        if place is None or place != before:
            groups.append((at, []))
        if value is not None:
            groups[-1][1].append(value)
        before = place
    return [(at, round(of(values), 3) if values else None) for at, values in groups]


# Phases of a trigger, grouped from Spark's phases.
PHASES = {
    "Offsets + planning": ("latestOffset", "getBatch", "queryPlanning"),
    "Processing": ("addBatch",),
    "Commit": ("walCommit", "commitBatch", "commitOffsets"),
}


def phase_series(over: Range) -> list[Series]:
    """Seconds per phase and batch, averaged per point; a gap where no batch ran for longer than a batch and its pause
    take."""
    batches = _batches_since(timezone.now() - over.span)
    return [
        {"name": title, "points": _gathered(_phase_points(batches, phases), over, fmean)}
        for title, phases in PHASES.items()
    ]


def _phase_points(batches: list[StreamBatch], phases: tuple[str, ...]) -> Points:
    points: Points = []
    before: datetime | None = None
    for batch in batches:
        pause = batch.configuration.trigger_seconds if batch.configuration else 0
        if before is not None and batch.started_at - before > PAUSE_SHOWN + timedelta(seconds=pause):
            points.append(((before + timedelta(seconds=1)).isoformat(), None))
        points.append((batch.started_at.isoformat(), _spent(batch, phases)))
        before = _ended(batch)
    return points


def _spent(batch: StreamBatch, phases: tuple[str, ...]) -> float:
    return sum(batch.phases.get(phase, 0) for phase in phases) / 1000


def _ended(batch: StreamBatch) -> datetime:
    try:
        return batch.started_at + timedelta(seconds=batch.seconds)
    except OverflowError:
        return batch.started_at


def _batches_since(since: datetime) -> list[StreamBatch]:
    rows = StreamBatch.objects.select_related("configuration").filter(started_at__gt=since)
    rows = rows.only("started_at", "durations", "configuration__trigger_seconds")
    return list(rows.order_by("started_at", "batch_id"))
