"""Records of the topic as the page and the API show them. The content of a record is untrusted."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from controlplane.streaming.ports import TopicRecord
from spark_jobs.bronze.events.calendar import NONE

RUN_HEADER = "scenario-run"


@dataclass(frozen=True)
class ShownHeader:
    """A header: its value as `text` if it is valid UTF-8, otherwise as `hex`; both None for a null value."""

    name: str
    text: str | None
    hex: str | None


@dataclass(frozen=True)
class ShownRecord:
    """`time_note` says why there is no time. `run` is the id of the scenario run and `run_url` its page, or empty.
    `headers_omitted` is the number of headers beyond `headers`."""

    record: TopicRecord
    at: datetime | None
    time_note: str
    value: str
    headers: tuple[ShownHeader, ...]
    headers_omitted: int
    run: str
    run_url: str


def shown_record(record: TopicRecord) -> ShownRecord:
    """A record as pages and API show it."""
    headers = tuple(shown_header(name, value) for name, value in record.headers)
    run = next((header.text or "" for header in headers if header.name == RUN_HEADER), "")
    return ShownRecord(
        record=record,
        at=record.at,
        time_note=time_note(record),
        value=(record.value or b"").decode(errors="replace"),
        headers=headers,
        headers_omitted=record.header_count - len(headers),
        run=run,
        run_url=run_url(run),
    )


def shown_header(name: str, value: bytes | None) -> ShownHeader:
    """A header as text, or in hexadecimal digits if it is not UTF-8."""
    if value is None:
        return ShownHeader(name, None, None)
    try:
        return ShownHeader(name, value.decode(), None)
    except UnicodeDecodeError:
        return ShownHeader(name, None, value.hex())


def time_note(record: TopicRecord) -> str:
    """Why a record has no time; empty if it has one."""
    if record.at is not None:
        return ""
    return "no timestamp" if record.timestamp == NONE else f"out of range: {record.timestamp} ms"


def run_url(text: str) -> str:
    """The page of the scenario run that a header names; empty unless the header is a canonical UUID."""
    try:
        run_id = UUID(text)
    except ValueError:
        return ""
    return reverse("scenarios:run", args=[run_id]) if str(run_id) == text else ""
