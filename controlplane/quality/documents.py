"""What a validation's result document must say, checked before it is believed."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError


class Expectation(BaseModel):
    """One expectation and how it went. `title` is a sentence; what a later version adds is kept as it is."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    success: bool
    column: str | None = None
    severity: Literal["critical", "warning"] = "critical"
    observed: Any = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    unexpected_sample: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)


class Document(BaseModel):
    """One validation. The times carry their zone; snapshot ids are texts, too large for a JSON number."""

    validation_id: UUID
    suite: str = Field(min_length=1, max_length=128)
    table: str = Field(min_length=1, max_length=255)
    branch: str = Field(default="", max_length=255)
    snapshot_id: str = Field(default="", max_length=32)
    run_id: str = Field(default="", max_length=250)
    job: str = Field(default="", max_length=128)
    started_at: AwareDatetime
    finished_at: AwareDatetime
    success: bool
    published: bool
    rows: int | None = Field(default=None, ge=0)
    expectations: list[Expectation]


class UnreadableError(Exception):
    """The content is no validation; the message says why in one line."""


def read(content: bytes) -> Document:
    """The document in these bytes.

    Raises:
        UnreadableError: it is not JSON, cut off, or says too little.
    """
    if not content.strip():
        raise UnreadableError("The document is empty.")
    try:
        return Document.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        said = f"{where}: {first['msg']}" if where else first["msg"]
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise UnreadableError(f"{said}{more}"[:500]) from None


def as_fields(document: Document, *, path: str, modified_at: datetime) -> dict[str, Any]:
    """The row's fields for this document."""
    fields = document.model_dump(mode="python", exclude={"validation_id", "expectations"})
    expectations = [expectation.model_dump(mode="json") for expectation in document.expectations]
    return {
        **fields,
        "expectations": expectations,
        "expectations_failed": sum(not said["success"] for said in expectations),
        "path": path,
        "modified_at": modified_at,
    }
