"""What a validation's result document must say, checked before it is believed.

What identifies the validation (its id, suite, table, times) has to be right, or the document is set aside with the
reason. Its results are taken one by one: one that can't be read is a result that says why, beside the others.
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

# A validation of some hundred expectations with their samples has some hundred KiB.
MAX_BYTES = 16 << 20
LARGEST_ROWS = 2**63 - 1
# A writer's clock may be ahead. A document of the year 9999 would be its suite's newest result for ever.
CLOCK_DIFFERENCE = timedelta(days=1)
_GZIP = b"\x1f\x8b"


class UnreadableError(Exception):
    """The content is no validation; the message says why in one line."""


def _empty_for_null(value: Any) -> Any:
    """A text that a writer left out as null; a number in its place, such as a snapshot's id, in digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return "" if value is None else value


_Text = Annotated[str, BeforeValidator(_empty_for_null)]


class Document(BaseModel):
    """One validation. The times carry their zone; snapshot ids are texts, too large for a JSON number."""

    validation_id: UUID
    suite: str = Field(min_length=1, max_length=128)
    table: str = Field(min_length=1, max_length=255)
    branch: _Text = Field(default="", max_length=255)
    snapshot_id: _Text = Field(default="", max_length=32)
    run_id: _Text = Field(default="", max_length=250)
    job: _Text = Field(default="", max_length=128)
    started_at: AwareDatetime
    finished_at: AwareDatetime
    # Null: the suite came to no result.
    success: bool | None
    published: bool
    rows: int | None = Field(default=None, ge=0, le=LARGEST_ROWS)
    expectations: list[Any]


def read(content: bytes) -> Document:
    """The document in these bytes, packed with gzip or not. Its expectations are as `result_of` gives them.

    Raises:
        UnreadableError: it is not JSON, cut off, or says too little.
    """
    if content.startswith(_GZIP):
        content = _unpacked(content)
    if not content.strip():
        raise UnreadableError("The document is empty.")
    try:
        said = json.loads(content, parse_int=_whole)
    except RecursionError:
        raise UnreadableError("Invalid JSON: it is nested too deep.") from None
    except ValueError as error:  # also of bytes that are no UTF-8
        raise UnreadableError(f"Invalid JSON: {error}"[:500]) from None
    if not isinstance(said, dict):
        raise UnreadableError(f"The document is {_kind(said)}, not an object.")
    try:
        if said.get("expectations", ...) is None:  # a writer that came to no result may say null where the list stands
            said = {**said, "expectations": []}
        document = Document.model_validate(storable(said))
        document.started_at = _within("started_at", document.started_at)
        document.finished_at = _within("finished_at", document.finished_at)
    except ValidationError as error:
        raise UnreadableError(_first_problem(error)) from None
    if document.finished_at > timezone.now() + CLOCK_DIFFERENCE:
        raise UnreadableError(
            f"finished_at: {document.finished_at.isoformat()} is in the future. The clock of the writer is wrong; "
            "the document is read again when that moment has come."
        )
    document.expectations = [result_of(one, number) for number, one in enumerate(document.expectations, 1)]
    return document


def as_fields(document: Document, *, path: str, modified_at: datetime) -> dict[str, Any]:
    """The row's fields for this document."""
    fields = document.model_dump(mode="python", exclude={"validation_id", "expectations"})
    return {
        **fields,
        "expectations": document.expectations,
        "expectations_failed": sum(result["success"] is not True for result in document.expectations),
        "path": path,
        "modified_at": modified_at,
    }


def result_of(said: Any, number: int) -> dict[str, Any]:
    """One result of a document, with every field that pages and the API rely on in its type.

    A value of another type is null there, and `problem` says so; `success` is null where nobody knows. What the
    document has besides, such as `exception_info`, is kept. The shape that Great Expectations itself writes
    (`expectation_config` and `result`) is read as well.
    """
    problems: list[str] = []
    if not isinstance(said, dict):
        problems.append(f"Result {number} can't be read: it is {_kind(said)}, not an object.")
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
_NAMES = {str: "a text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}


def _field(name: str, kinds: tuple[type, ...], value: Any, problems: list[str]) -> Any:
    right = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if value is None or right:
        return value
    # The infinities and NaN are numbers that JSON doesn't know: as texts they are no mistake.
    if int in kinds and value in ("NaN", "Infinity", "-Infinity"):
        return value
    problems.append(f"{name}: {compact(value, 80)} isn't {_NAMES[kinds[0]]}.")
    return None


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """A result in the shape of Great Expectations' own `ExpectationValidationResult`, in ours."""
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
    """The moment in UTC, where the calendar has it there: 9999-12-31T23:59-12:00 is in the year 10000."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise UnreadableError(f"{name}: {moment.isoformat()} lies outside the years 1 to 9999 in UTC.") from None


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
        raise UnreadableError(f"The gzip file is damaged or cut off: {error}"[:500]) from None
    if len(unpacked) > MAX_BYTES:
        raise UnreadableError(f"The document has more than {MAX_BYTES:,} bytes once it is unpacked.")
    return unpacked


def _whole(digits: str) -> int | str:
    """Python reads no whole number of more than 4,300 digits."""
    return int(digits) if len(digits) <= len(str(LARGEST_STORED)) else f"{digits[:40]}… ({len(digits):,} digits)"


def _kind(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), "a value of another type")
