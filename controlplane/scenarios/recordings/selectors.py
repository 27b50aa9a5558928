"""Queries of recordings for pages and the API."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from controlplane.errors import NotFoundError
from controlplane.leases import UNFINISHED, WorkState
from controlplane.scenarios.generator.document import Columns
from controlplane.scenarios.models import Recording, RecordingReading, ScenarioVersion
from controlplane.web.paging import Page, paginate

# The states of a recording, from its imports. `unknown` has no import.
STATES = ("succeeded", "running", "failed", "unknown")


@dataclass(frozen=True)
class Listed:
    """A recording in the list, with its best import and the scenarios that use it."""

    recording: Recording
    reading: RecordingReading | None
    scenarios: list[str] = field(default_factory=list)


def recordings_page(*, text: str = "", state: str = "", cursor: str | None = None, size: int = 50) -> Page[Recording]:
    """A page of recordings, newest first.

    Raises:
        InvalidInputError: the cursor belongs to another list.
    """
    rows = Recording.objects.defer("rows")
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(sha256__startswith=text.lower()))
    if state in STATES:
        rows = _in_state(rows, state)
    return paginate(rows, order=("-uploaded_at", "-id"), cursor=cursor, size=size)


def listed(page: Page[Recording]) -> list[Listed]:
    """The recordings of a page, each with its best import and the scenarios that use it."""
    best: dict[int, RecordingReading] = {}
    for reading in RecordingReading.objects.filter(recording__in=page.items).order_by("-requested_at"):
        known = best.get(reading.recording_id)
        if known is None or _rank(reading) < _rank(known):
            best[reading.recording_id] = reading
    users = _users([row.sha256 for row in page.items])
    return [Listed(row, best.get(row.pk), users.get(row.sha256, [])) for row in page.items]


def recording_get(sha256: str) -> Recording:
    """The recording of that SHA-256.

    Raises:
        NotFoundError: it does not exist.
    """
    found = Recording.objects.filter(sha256=sha256).first()
    if found is None:
        raise NotFoundError(f"Recording {sha256[:12]} does not exist.", "Select one from the list, or upload the file.")
    return found


@dataclass(frozen=True)
class Imports:
    """The newest imports of a recording, succeeded ones first, how many there are, and the scenarios that use it."""

    newest: list[RecordingReading]
    in_all: int
    scenarios: list[str]


def imports_of(rows: list[Recording], count: int) -> dict[int, Imports]:
    """The `count` newest imports of each recording, in three queries."""
    number = Window(RowNumber(), partition_by="recording", order_by="-requested_at")
    newest: dict[int, list[RecordingReading]] = {row.pk: [] for row in rows}
    found = RecordingReading.objects.filter(recording__in=rows)
    for reading in found.annotate(number=number).filter(number__lte=count).order_by("-requested_at"):
        newest[reading.recording_id].append(reading)
    in_all = dict(found.order_by().values_list("recording").annotate(Count("pk")))
    users = _users([row.sha256 for row in rows])
    return {
        row.pk: Imports(sorted(newest[row.pk], key=_rank), in_all.get(row.pk, 0), users.get(row.sha256, []))
        for row in rows
    }


def readings(recording: Recording) -> list[RecordingReading]:
    """All imports of a recording, the newest first, succeeded ones before the others."""
    return sorted(recording.readings.order_by("-requested_at"), key=_rank)


def ready_readings(limit: int = 200) -> list[RecordingReading]:
    """The imports that scenarios can replay, newest first."""
    done = RecordingReading.objects.filter(state=WorkState.SUCCEEDED).select_related("recording")
    return list(done.order_by("-requested_at")[:limit])


def reading_get(sha256: str, digest: str | None = None) -> RecordingReading:
    """The import of a recording with that mapping digest, by default the newest.

    Raises:
        NotFoundError: the recording does not exist, or has not been imported with that mapping.
    """
    row = recording_get(sha256)
    done = row.readings.filter(state=WorkState.SUCCEEDED).order_by("-requested_at")
    found = (done.filter(digest=digest) if digest else done).select_related("recording").first()
    if found is None:
        raise NotFoundError(
            f"{row.name} has not been imported with this mapping.", "Map its columns on the page of the recording."
        )
    return found


def scenarios_using(sha256: str) -> list[ScenarioVersion]:
    """The scenario versions that use a recording."""
    rows = ScenarioVersion.objects.filter(document__source__recording=sha256)
    return list(rows.select_related("scenario").order_by("scenario__name", "-number"))


def source_of(reading: RecordingReading, **more: Any) -> dict[str, Any]:
    """The `source` of a document that replays this import."""
    mapping = {"mapping": reading.mapping} if reading.mapping else {"columns": reading.columns}
    return {"recording": reading.recording.sha256, **mapping, "name": reading.recording.name, **more}


def columns_of_reading(reading: RecordingReading) -> Columns:
    """The mapping of an import."""
    return Columns.model_validate(reading.columns)


def _rank(reading: RecordingReading) -> int:
    return 0 if reading.state == WorkState.SUCCEEDED else 1 if reading.under_way else 2


def _in_state(rows: QuerySet[Recording], state: str) -> QuerySet[Recording]:
    mine = RecordingReading.objects.filter(recording=OuterRef("pk"))
    done, under_way = Exists(mine.filter(state=WorkState.SUCCEEDED)), Exists(mine.filter(state__in=UNFINISHED))
    if state == "succeeded":
        return rows.filter(done)
    if state == "running":
        return rows.filter(under_way)
    if state == "failed":
        return rows.filter(Exists(mine.filter(state=WorkState.FAILED)), ~done, ~under_way)
    return rows.filter(~Exists(mine))


def _users(digests: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = ScenarioVersion.objects.filter(document__source__recording__in=digests)
    used = rows.order_by("scenario__slug").values_list("document__source__recording", "scenario__slug")
    for sha256, slug in used.distinct():
        found.setdefault(sha256, []).append(slug)
    return found
