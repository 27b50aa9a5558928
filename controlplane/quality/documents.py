"""Parses and checks the result document of a validation.

The identifying fields (id, suite, table, times) must be valid, or the document is rejected with the reason. Results are
parsed one by one: an unreadable result is kept with the reason, beside the others.
"""

import gzip
import io
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.utils import timezone
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError

from controlplane.web.values import LARGEST_STORED, compact, storable

# A validation of a few hundred expectations with their samples takes a few hundred KiB.
MAX_BYTES = 16 << 20
# A result takes some hundred bytes of the row however short it is in the document, and a row has to stay readable.
MAX_RESULTS = 10_000
LARGEST_ROWS = 2**63 - 1
# The tolerated clock skew of a writer. A document from the year 9999 would stay its suite's newest result.
CLOCK_DIFFERENCE = timedelta(days=1)
_GZIP = b"\x1f\x8b"


class UnreadableError(Exception):
    """The content is not a validation; the message says why in one line."""


def _empty_for_null(value: Any) -> Any:
    """Convert null to an empty string, and an integer such as a snapshot id to its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return "" if value is None else value


_Text = Annotated[str, BeforeValidator(_empty_for_null)]


class Document(BaseModel):
    """One validation. Times have a time zone; snapshot ids are strings, since they exceed JSON numbers."""

    validation_id: UUID
    suite: str = Field(min_length=1, max_length=128)
    table: str = Field(min_length=1, max_length=255)
    branch: _Text = Field(default="", max_length=255)
    snapshot_id: _Text = Field(default="", max_length=32)
    run_id: _Text = Field(default="", max_length=250)
    job: _Text = Field(default="", max_length=128)
    started_at: AwareDatetime
    finished_at: AwareDatetime
    # Null: the suite gave no result.
    success: bool | None
    published: bool
    rows: int | None = Field(default=None, ge=0, le=LARGEST_ROWS)
    expectations: list[Any]


def read(content: bytes) -> Document:
    """Parse a document, optionally gzip-compressed. Its expectations are converted by `result_of`.

    Raises:
        UnreadableError: the document is not JSON, is truncated, or lacks required fields.
    """
    if content.startswith(_GZIP):
        content = _unpacked(content)
    if not content.strip():
        raise UnreadableError("The document is empty.")
    try:
        said = json.loads(content, parse_int=_whole)
    except RecursionError:
        raise UnreadableError("Invalid JSON: nested too deeply.") from None
    except ValueError as error:  # also for bytes that are not UTF-8
        raise UnreadableError(f"Invalid JSON: {error}"[:500]) from None
    if not isinstance(said, dict):
        raise UnreadableError(f"Expected a JSON object, got {_kind(said)}.")
    try:
        if said.get("expectations", ...) is None:  # a writer without a result may write null for the list
            said = {**said, "expectations": []}
        _bounded(said.get("expectations"))
        document = Document.model_validate(storable(said))
        document.started_at = _within("started_at", document.started_at)
        document.finished_at = _within("finished_at", document.finished_at)
    except ValidationError as error:
        raise UnreadableError(_first_problem(error)) from None
    if document.finished_at > timezone.now() + CLOCK_DIFFERENCE:
        raise UnreadableError(
            f"finished_at: {document.finished_at.isoformat()} is in the future. The writer's clock is wrong. "
            "The document is read again at that time."
        )
    document.expectations = [result_of(one, number) for number, one in enumerate(document.expectations, 1)]
    return document


def _bounded(results: Any) -> None:
    if isinstance(results, list) and len(results) > MAX_RESULTS:
        raise UnreadableError(f"expectations: {len(results):,} results; at most {MAX_RESULTS:,} are indexed.")


def as_fields(document: Document, *, path: str, modified_at: datetime) -> dict[str, Any]:
    """The fields of the row for this document."""
    fields = document.model_dump(mode="python", exclude={"validation_id", "expectations"})
    return {
        **fields,
        "expectations": document.expectations,
        "expectations_failed": sum(result["success"] is not True for result in document.expectations),
        "path": path,
        "modified_at": modified_at,
    }


def result_of(said: Any, number: int) -> dict[str, Any]:
    """One result of a document, with all fields that pages and the API need in their types.

    A value of another type becomes null, and `problem` reports it; `success` is null if unknown. Additional fields,
    such as `exception_info`, are kept. Great Expectations' own structure (`expectation_config` and `result`) is also
    supported.
    """
    problems: list[str] = []
    if not isinstance(said, dict):
        problems.append(f"Result {number} can't be read: expected an object, got {_kind(said)}.")
        said = {}
    said = _flat(said)
    found = {
        **{name: value for name, value in said.items() if name not in _FIELDS},
        **{name: _field(name, kind, said.get(name), problems) for name, kind in _FIELDS.items()},
    }
    found["type"] = found["type"] or ""
    found["title"] = found["title"] or found["type"] or f"Result {number}"
    found["severity"] = "warning" if found["severity"] == "warning" else "critical"
    found["observed"] = said.get("observed")
    found["unexpected_sample"] = found["unexpected_sample"] or []
    found["kwargs"] = found["kwargs"] or {}
    found["problem"] = " ".join(problems)
    return found


_FIELDS: dict[str, tuple[type, ...]] = {
    "type": (str,),
    "title": (str,),
    "success": (bool,),
    "column": (str,),
    "severity": (str,),
    "unexpected_count": (int, float),
    "unexpected_percent": (int, float),
    "unexpected_sample": (list,),
    "kwargs": (dict,),
}
_NAMES = {str: "a string", int: "a number", float: "a number", bool: "a boolean", list: "an array", dict: "an object"}


def _field(name: str, kinds: tuple[type, ...], value: Any, problems: list[str]) -> Any:
    right = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if value is None or right:
        return value
    # JSON has no infinities and no NaN: as strings they are valid.
    if int in kinds and value in ("NaN", "Infinity", "-Infinity"):
        return value
    problems.append(f"{name}: expected {_NAMES[kinds[0]]}, got {compact(value, 80)}.")
    return None


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """Convert Great Expectations' own `ExpectationValidationResult` to our structure."""
    configuration, result = said.get("expectation_config"), said.get("result")
    if not isinstance(configuration, dict):
        return said
    result = result if isinstance(result, dict) else {}
    settings = configuration.get("kwargs")
    settings = settings if isinstance(settings, dict) else {}
    kind = configuration.get("type") or configuration.get("expectation_type")
    return {
        **{name: value for name, value in said.items() if name not in ("expectation_config", "result")},
        "type": kind,
        "title": configuration.get("description") or kind,
        "column": settings.get("column"),
        "severity": configuration.get("severity"),
        "observed": result.get("observed_value", result.get("element_count")),
        "unexpected_count": result.get("unexpected_count"),
        "unexpected_percent": result.get("unexpected_percent"),
        "unexpected_sample": result.get("partial_unexpected_list"),
        "kwargs": {name: value for name, value in settings.items() if name != "batch_id"},
    }


def _within(name: str, moment: datetime) -> datetime:
    """The time in UTC, if it is in range there: 9999-12-31T23:59-12:00 is in the year 10000."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise UnreadableError(f"{name}: {moment.isoformat()} is outside the years 1 to 9999 in UTC.") from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    given = "" if first["type"] == "missing" else f": {compact(first['input'], 80)}"
    return f"{where}: {first['msg']}{given}{more}"[:500]


def _unpacked(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"The gzip file is corrupt or truncated: {error}"[:500]) from None
    if len(unpacked) > MAX_BYTES:
        raise UnreadableError(f"The document is larger than {MAX_BYTES:,} bytes when decompressed.")
    return unpacked


def _whole(digits: str) -> int | str:
    """Python can't parse integers of more than 4,300 digits."""
    return int(digits) if len(digits) <= len(str(LARGEST_STORED)) else f"{digits[:40]}… ({len(digits):,} digits)"


def _kind(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), "a value of another type")
