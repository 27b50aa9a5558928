"""Shared reads of the stream. Rows only: nothing here waits for a far system."""

from datetime import datetime, timedelta
from typing import TypedDict

from django.utils import timezone

from controlplane.overview.models import Measurement
from controlplane.streaming.models import Stream, StreamBatch, StreamConfiguration
from controlplane.web.filters import ALL, Narrowing
from controlplane.web.paging import Page, paginate


class Series(TypedDict):
    """One line of a chart; a value of None is a gap."""

    name: str
    points: list[tuple[str, float | None]]


def stream_get() -> Stream:
    """The one stream, made stopped and with the default configuration where it has never been asked for."""
    rows = Stream.objects.select_related("configuration", "started_configuration")
    found = rows.filter(pk=1).first()
    if found is None:
        configuration = StreamConfiguration.objects.order_by("version").first() or StreamConfiguration.objects.create()
        Stream.objects.get_or_create(pk=1, defaults={"configuration": configuration})
        found = rows.get(pk=1)
    return found


def batches(*, wanted: Narrowing = ALL, cursor: str | None = None, size: int = 50) -> Page[StreamBatch]:
    """A page of the batches that had rows, newest first unless `wanted` turns it round. The text is looked for in the
    query, its run and the number of the batch.

    Raises:
        InvalidInputError: the cursor is none of this list's.
    """
    rows = StreamBatch.objects.select_related("configuration")
    rows = wanted.of(rows, at="started_at", text=("query_id", "run_id", "batch_id"))
    return paginate(rows, order=wanted.ordered(("-started_at", "-id")), cursor=cursor, size=size)


def rate_now() -> float:
    """Rows a second that went into bronze over the last minute."""
    now = timezone.now()
    recent = StreamBatch.objects.filter(started_at__gt=now - timedelta(seconds=60))
    rows = sum(recent.values_list("input_rows", flat=True))
    return rows / 60


def rate_series(since: datetime) -> list[Series]:
    """Rows a second by batch: rows over the time from the batch's start to the next one's, or its own duration."""
    points: list[tuple[str, float | None]] = []
    for batch in _batches_since(since):
        ended = batch.started_at + timedelta(seconds=batch.seconds)
        if points and batch.started_at - _moment(points[-1][0]) > timedelta(seconds=30):
            points.append((_later(points[-1][0]), 0.0))
            points.append((batch.started_at.isoformat(), 0.0))
        points.append((ended.isoformat(), round(batch.input_rows / max(batch.seconds, 0.001), 1)))
    return [{"name": "Rows into bronze", "points": points}]


def lag_series(since: datetime) -> list[Series]:
    """Records on the topic that are not in bronze, as measured every few seconds; a gap where nobody could measure."""
    points: list[tuple[str, float | None]] = []
    before: datetime | None = None
    for at, value in (
        Measurement.objects.filter(name="bronze.lag", at__gt=since).order_by("at").values_list("at", "value")
    ):
        if before is not None and at - before > timedelta(seconds=30):
            points.append(((before + timedelta(seconds=1)).isoformat(), None))
        points.append((at.isoformat(), value))
        before = at
    return [{"name": "Records behind", "points": points}]


# What a trigger does, from Spark's finer phases.
PHASES = {
    "Look and plan": ("latestOffset", "getBatch", "queryPlanning"),
    "Read and write": ("addBatch",),
    "Commit": ("walCommit", "commitBatch", "commitOffsets"),
}


def phase_series(since: datetime) -> list[Series]:
    """Seconds a phase, by batch."""
    batches = _batches_since(since)
    return [
        {"name": title, "points": [(batch.started_at.isoformat(), _spent(batch, phases)) for batch in batches]}
        for title, phases in PHASES.items()
    ]


def _spent(batch: StreamBatch, phases: tuple[str, ...]) -> float:
    milliseconds: dict[str, int] = batch.durations
    return sum(milliseconds.get(phase, 0) for phase in phases) / 1000


def _batches_since(since: datetime) -> list[StreamBatch]:
    return list(StreamBatch.objects.filter(started_at__gt=since).order_by("started_at", "batch_id"))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _later(text: str) -> str:
    return (_moment(text) + timedelta(seconds=1)).isoformat()
