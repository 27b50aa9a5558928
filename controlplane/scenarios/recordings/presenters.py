"""Recordings as texts, tables and a sparkline for pages."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

from controlplane.leases import WorkState
from controlplane.scenarios.documents.sparklines import Sparkline
from controlplane.scenarios.generator.document import Columns, Scenario, check
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.recording.confined import beginning
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.rules import Origin, origins
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.generator.recording.summary import Summary
from controlplane.scenarios.generator.text import moment
from controlplane.scenarios.models import RecordingReading
from controlplane.scenarios.recordings.mapping_form import LABELS, MappingForm
from controlplane.scenarios.recordings.selectors import columns_of_reading, source_of

log = logging.getLogger(__name__)

SHOWN_EVENTS = 10
# The target duration of a run at the proposed speed, and the maximum number of events per second.
_PROPOSED_SECONDS, _MOST_A_SECOND = 300.0, 2000.0
_ROUND = (1, 2, 5)


@dataclass(frozen=True)
class Shown:
    """An import as its page shows it. `left_out` is (field, rows); `events` are the first events."""

    reading: RecordingReading
    mapping: str
    begins: datetime
    ends: datetime
    seconds: float
    types: list[dict[str, Any]]
    left_out: list[tuple[str, int]]
    origins: list[Origin]
    events: list[dict[str, Any]]
    picture: Sparkline | None


def mapping_label(reading: RecordingReading) -> str:
    """The label of an import's mapping."""
    return LABELS.get(reading.mapping, reading.mapping) if reading.mapping else "Custom"


def shown(reading: RecordingReading) -> Shown | None:
    """An import with its figures; None until it has succeeded."""
    if reading.state != WorkState.SUCCEEDED:
        return None
    summary, columns = Summary(**reading.summary), columns_of_reading(reading)
    most = max(summary.types.values())
    return Shown(
        reading=reading,
        mapping=mapping_label(reading),
        begins=moment(summary.first_us),
        ends=moment(summary.last_us),
        seconds=(summary.last_us - summary.first_us) / 1e6,
        types=[
            {"name": name, "count": count, "bar": 100 * count / most, "percent": 100 * count / summary.rows}
            for name, count in summary.types.items()
        ],
        left_out=list(summary.left_out.items()),
        origins=origins(columns),
        events=table(_first(reading, columns)),
        picture=_picture(reading),
    )


def _first(reading: RecordingReading, columns: Columns) -> list[dict[str, Any]]:
    try:
        return recording_store().first(reading.recording.sha256, columns, SHOWN_EVENTS)
    except RecordingError as error:
        log.warning("the first events of %s can't be read: %s", reading.recording.sha256, error)
        return []


def begins_as(form: MappingForm) -> dict[str, Any]:
    """The first events of a file under the mapping of the form: {"events", "left_out", "problem"}."""
    if form.columns is None:
        return {"events": [], "left_out": [], "problem": ""}
    try:
        rows, left_out = beginning(recording_store().file(form.recording.sha256), form.columns, SHOWN_EVENTS)
    except RecordingError as error:
        return {"events": [], "left_out": [], "problem": str(error)}
    return {"events": table(rows), "left_out": list(left_out.items()), "problem": ""}


def table(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored events with formatted times, types and prices."""
    return [
        {
            **row,
            "at": moment(row["at"]),
            "type": EVENT_TYPES[row["type"]],
            "price": None if row["cents"] is None else f"{row['cents'] // 100:,}.{row['cents'] % 100:02d}",
            # Session IDs of the file. Others are derived from the user and the half hour.
            "session": row["session"].removeprefix("s:") if row["session"].startswith("s:") else "",
        }
        for row in rows
    ]


def proposed_speed(summary: Summary) -> int:
    """A round speed at which a run lasts a few minutes and which a small machine can reach."""
    length = (summary.last_us - summary.first_us) / 1e6
    wanted = max(_PROPOSED_SECONDS, summary.rows / _MOST_A_SECOND)
    if length <= 2 * wanted:
        return 1
    speeds = sorted(step * int(10**power) for power in range(6) for step in _ROUND)
    return next((speed for speed in speeds if length / speed <= wanted), speeds[-1])


def document_of(reading: RecordingReading, name: str) -> dict[str, Any]:
    """The initial document of a scenario that replays an import."""
    summary = Summary(**reading.summary)
    return {
        "name": name,
        "description": f"Replays {reading.recording.name}: {summary.rows:,} recorded events.",
        "teaches": "How the pipeline handles real traffic.",
        "source": source_of(reading, speed=proposed_speed(summary)),
    }


def scenario_name(reading: RecordingReading) -> str:
    """The proposed name of a scenario for a recording."""
    name = PurePath(reading.recording.name)
    while name.suffix.lower() in (".gz", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet"):
        name = PurePath(name.stem)
    return f"{str(name)[:60]} replayed"


def _picture(reading: RecordingReading) -> Sparkline | None:
    summary = Summary(**reading.summary)
    source = {**source_of(reading), "speed": proposed_speed(summary)}
    source["figures"] = summary.figures().model_dump(mode="json")
    try:
        document: Scenario = check({"name": "picture", "source": source})
    except DocumentError:
        return None
    return Sparkline.of(document)
