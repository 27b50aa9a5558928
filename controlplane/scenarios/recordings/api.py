"""Recordings in the REST API: the file as `multipart/form-data`, everything else as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile
from ninja.params import functions
from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import InvalidInputError
from controlplane.leases import WorkState
from controlplane.scenarios.generator.document import READY, Columns
from controlplane.scenarios.generator.recording.confined import beginning
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.rules import origins
from controlplane.scenarios.generator.recording.store import recording_store
from controlplane.scenarios.generator.text import moment
from controlplane.scenarios.models import Recording, RecordingReading
from controlplane.scenarios.recordings import selectors
from controlplane.scenarios.recordings.presenters import table
from controlplane.scenarios.recordings.services import AUTO, BY_HAND, recording_delete, recording_read, recording_upload
from controlplane.web.api_input import LEFT_OUT, Cursor, Limit, OneOf, Text, not_null

router = Router()
_CHUNK = 1 << 20
_CHOSEN: Any = functions.Form(
    AUTO, description="`auto` detects the mapping by the columns; `by-hand` selects none yet."
)
_Mapping = Annotated[str, Field(json_schema_extra={"enum": [AUTO, BY_HAND, *READY]})]


# The limit of imports of a recording in one response.
MOST_READINGS = 20


class OriginOut(Schema):
    field: str
    column: str = Field(description="Empty if the file has no column and the field is derived.")
    rule: str


class ReadingOut(Schema):
    """The import of a recording with a mapping. Use `source` in a scenario document when `state` is succeeded."""

    digest: str
    mapping: str = Field(description="Name of a built-in mapping; empty for a custom one.")
    columns: dict[str, Any]
    state: WorkState
    message: str
    rows_read: int
    events: int | None
    left_out: dict[str, int]
    notes: list[str] = Field(description="Warnings about accepted content.")
    types: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    origins: list[OriginOut]
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    source: dict[str, Any]


class RecordingOut(Schema):
    sha256: Text
    name: str
    size: int
    kind: str
    packed: bool
    columns: list[str]
    uploaded_by: str
    uploaded_at: datetime
    scenarios: list[str] = Field(
        description="Scenarios that use the recording. It can't be deleted while there are any."
    )
    readings: list[ReadingOut] = Field(description=f"The newest {MOST_READINGS} imports, succeeded ones first.")
    readings_in_all: int


class RecordingList(Schema):
    items: list[RecordingOut]
    next: str | None


def _ready(name: str) -> str:
    if name not in READY:
        raise PydanticCustomError("mapping", "Unknown value. Allowed: {names}", {"names": ", ".join(READY)})
    return name


_Ready = Annotated[str, AfterValidator(_ready), WithJsonSchema({"type": "string", "enum": list(READY)})]


class ReadingIn(OneOf):
    """Exactly one of the properties."""

    mapping: _Ready = Field(default=LEFT_OUT, json_schema_extra=not_null, description="Name of a built-in mapping.")
    columns: Columns = Field(
        default=LEFT_OUT,
        json_schema_extra=not_null,
        description="Custom mapping: the column of each field of an event.",
    )


class BeginningOut(Schema):
    events: list[dict[str, Any]]
    left_out: dict[str, int] = Field(description="Skipped rows among the first rows, by invalid field.")


@router.get("/recordings", response=RecordingList, summary="List recordings, newest first")
def recording_list(
    request: HttpRequest,
    q: Text = "",
    state: Literal["", "succeeded", "running", "failed", "unknown"] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RecordingList:
    page = selectors.recordings_page(text=q, state=state, cursor=cursor, size=limit)
    imports = selectors.imports_of(page.items, MOST_READINGS)
    return RecordingList(items=[_recording(row, imports[row.pk]) for row in page.items], next=page.next)


@router.post("/recordings", response={201: RecordingOut}, summary="Upload a recording")
def recording_keep(
    request: HttpRequest,
    file: Annotated[UploadedFile, File(description="CSV with a header, NDJSON or Parquet, plain or gzip-compressed.")],
    mapping: _Mapping = _CHOSEN,
) -> Status[RecordingOut]:
    row, _ = recording_upload(
        actor=current_user(request), name=file.name or "", chunks=file.chunks(_CHUNK), mapping=mapping
    )
    return Status(201, _recording(row))


@router.get("/recordings/{sha256}", response=RecordingOut, summary="Get a recording with its imports")
def recording_one(request: HttpRequest, sha256: Text) -> RecordingOut:
    return _recording(selectors.recording_get(sha256))


@router.delete("/recordings/{sha256}", response={204: None}, summary="Delete a recording that no scenario uses")
def recording_remove(request: HttpRequest, sha256: Text) -> Status[None]:
    recording_delete(actor=current_user(request), sha256=sha256)
    return Status(204, None)


@router.post("/recordings/{sha256}/readings", response={201: ReadingOut}, summary="Import a recording with a mapping")
def reading_ask(request: HttpRequest, sha256: Text, wanted: ReadingIn) -> Status[ReadingOut]:
    actor = current_user(request)
    reading = recording_read(actor=actor, sha256=sha256, mapping=wanted.mapping, columns=wanted.columns)
    return Status(201, _reading(reading))


@router.post("/recordings/{sha256}/beginning", response=BeginningOut, summary="Preview the first events of a recording")
def recording_beginning(request: HttpRequest, sha256: Text, wanted: ReadingIn) -> BeginningOut:
    current_user(request, Role.OPERATOR)
    selectors.recording_get(sha256)
    try:
        rows, left_out = beginning(recording_store().file(sha256), wanted.columns or READY[wanted.mapping], 20)
    except RecordingError as error:
        raise InvalidInputError(error.message, error.remedy) from None
    return BeginningOut(events=table(rows), left_out=left_out)


def _recording(row: Recording, imports: selectors.Imports | None = None) -> RecordingOut:
    imports = imports or selectors.imports_of([row], MOST_READINGS)[row.pk]
    own = {name: getattr(row, name) for name in ("sha256", "name", "size", "kind", "packed", "columns", "uploaded_at")}
    return RecordingOut(
        **own,
        uploaded_by=row.uploaded_by_name,
        scenarios=imports.scenarios,
        readings=[_reading(reading) for reading in imports.newest],
        readings_in_all=imports.in_all,
    )


def _reading(reading: RecordingReading) -> ReadingOut:
    own = ("digest", "mapping", "columns", "state", "message", "rows_read", "requested_at", "finished_at")
    summary = reading.summary
    return ReadingOut(
        **{name: getattr(reading, name) for name in own},
        events=summary.get("rows"),
        left_out=summary.get("left_out", {}),
        notes=summary.get("notes", []),
        types=summary.get("types", {}),
        first_at=_moment(summary.get("first_us")),
        last_at=_moment(summary.get("last_us")),
        origins=[
            OriginOut(field=origin.field, column=origin.column, rule=origin.rule)
            for origin in origins(selectors.columns_of_reading(reading))
        ],
        requested_by=reading.requested_by_name,
        source=selectors.source_of(reading),
    )


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else moment(microseconds)
