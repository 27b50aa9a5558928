"""Log lines of all parts as one book: readable, and one run's story in the order of time.

The control plane writes JSON lines with the ids of the request and the run (controlplane/logging.py), and so do
Airflow's tasks, whose run is in the path of the file. Other parts write lines that begin with a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlplane.printable import printable, printable_lines

_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?\s?(Z|UTC|[+-]\d\d:?\d\d)?")
# What a line is about stands in its text; these are for machines.
_LEFT_OUT = frozenset({"timestamp", "event", "level", "logger", "filename", "lineno", "exception", "loc"})


@dataclass(frozen=True)
class Entry:
    """One line: when, of which part, what. `fields` are those of a JSON line."""

    at: datetime
    part: str
    text: str
    fields: dict[str, Any]
    raw: str


def readable(line: str) -> str:
    """A JSON line as text, any other as it is; without what would forge lines or steer a terminal."""
    fields = _fields(line)
    return f"{printable(str(fields.get('timestamp', '')))} {_text(fields)}".strip() if fields else printable(line)


def story(data: Path, run_id: str) -> list[Entry]:
    """Every line that belongs to a run (scenario run, DAG run, Spark job) or a request, oldest first.

    Lines belong that name it, and those of the requests that are named together with it.
    """
    # Airflow's name of a run that was asked for here is `manual__` and our id.
    wanted = run_id.removeprefix("manual__")
    entries = list(_entries(data, wanted))
    ours = [entry for entry in entries if wanted in entry.raw or wanted in entry.part]
    requests = {str(entry.fields["request_id"]) for entry in ours if entry.fields.get("request_id")}
    found = [
        entry
        for entry in entries
        if wanted in entry.raw or wanted in entry.part or str(entry.fields.get("request_id")) in requests
    ]
    return sorted((_shown(entry, wanted) for entry in found), key=lambda entry: entry.at)


def _shown(entry: Entry, wanted: str) -> Entry:
    """A task's entry names its file by path for the search, and only its task for people."""
    return Entry(entry.at, entry.part.partition("|")[0], entry.text, entry.fields, entry.raw)


def _entries(data: Path, wanted: str) -> Iterator[Entry]:
    for path in sorted((data / "logs").glob("*.log*")):
        yield from _read(path, path.name.partition(".log")[0])
    for path in sorted((data / "airflow" / "logs").glob(f"dag_id=*/run_id=*{wanted}*/**/*.log")):
        task = next((part.removeprefix("task_id=") for part in path.parts if part.startswith("task_id=")), "task")
        yield from _read(path, f"airflow:{task}|{wanted}")


def _read(path: Path, part: str) -> Iterator[Entry]:
    # Lines without a time (a traceback's, for one) go with the line before them.
    at = datetime.fromtimestamp(path.stat().st_ctime, UTC)
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.rstrip("\n")
            fields = _fields(text)
            at = _moment(str(fields.get("timestamp", "")) if fields else text) or at
            yield Entry(at, part, _text(fields) if fields else printable(text), fields, text)


def _fields(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "event" in found else {}


def _text(fields: dict[str, Any]) -> str:
    more = " ".join(f"{name}={value}" for name, value in fields.items() if name not in _LEFT_OUT and value)
    said = printable(f"{fields.get('level', 'info')!s:<7} {fields['event']}" + (f"  [{more}]" if more else ""))
    return said + (f"\n{printable_lines(str(fields['exception']))}" if fields.get("exception") else "")


def _moment(text: str) -> datetime | None:
    found = _TIME.match(text)
    if not found:
        return None
    day, clock, fraction, zone = found.groups()
    offset = {"Z": "+00:00", "UTC": "+00:00", None: "+00:00"}.get(zone, zone)
    return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0').ljust(6, '0')}{offset}").astimezone(UTC)
