"""Validations in the REST API."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from controlplane.accounts.requests import current_user
from controlplane.errors import NotFoundError
from controlplane.quality.downloads import document_response
from controlplane.quality.models import UnreadableDocument, Validation
from controlplane.quality.presenters import RESULTS_SHOWN, results_bounded
from controlplane.quality.selectors import LISTED, ValidationFilter, validations
from controlplane.web.api_input import Cursor, Limit, Text
from controlplane.web.filters import ListQuery
from controlplane.web.paging import paginate

router = Router()
_OldText = Annotated[Text, Field(max_length=100, deprecated=True, description="Alias of `text`.")]


class ValidationOut(Schema):
    """One suite run on one snapshot of a table. `url` is its page."""

    id: UUID
    suite: str
    table: str
    branch: str
    snapshot_id: str
    run_id: str
    job: str
    state: str
    success: bool | None = Field(description="Null if the suite gave no result.")
    published: bool
    rows: int | None
    started_at: datetime
    finished_at: datetime
    expectations_failed: int
    url: str

    @staticmethod
    def resolve_url(row: Validation) -> str:
        return row.get_absolute_url()


class ValidationDetail(ValidationOut):
    """A validation with its results. `problem` of a result says which of its values can't be read."""

    expectations: list[dict[str, Any]] = Field(
        description=f"The first {RESULTS_SHOWN} results, with long values truncated to strings. "
        "GET /validations/{validation_id}/document returns the complete document."
    )
    expectations_in_all: int

    @staticmethod
    def resolve_expectations(row: Validation) -> list[dict[str, Any]]:
        return results_bounded(row)

    @staticmethod
    def resolve_expectations_in_all(row: Validation) -> int:
        return len(row.expectations) if isinstance(row.expectations, list) else 0


class ValidationList(Schema):
    items: list[ValidationOut]
    next: str | None


class UnreadableOut(Schema):
    """An invalid result document, and the reason."""

    path: str
    reason: str
    modified_at: datetime


class UnreadableList(Schema):
    items: list[UnreadableOut]
    next: str | None = None


@router.get("/validations", response=ValidationList, summary="List validations, newest first")
def list_validations(
    request: HttpRequest,
    asked: Query[ListQuery],
    suite: Text = "",
    table: Text = "",
    state: Literal["", "succeeded", "failed", "unknown"] = "",
    period: Literal["", "1h", "24h", "7d", "30d"] = "",
    q: _OldText = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    list_filter = asked.model_copy(update={"text": asked.text or q}).list_filter(current_user(request))
    wanted = ValidationFilter(suite=suite, table=table, state=state, period=period, list_filter=list_filter)
    page = paginate(validations(wanted), order=list_filter.ordered(LISTED), cursor=cursor, size=limit)
    return {"items": page.items, "next": page.next}


@router.get("/validations/unreadable", response=UnreadableList, summary="List unreadable result documents")
def list_unreadable(request: HttpRequest, cursor: Cursor = None, limit: Limit = 50) -> dict[str, Any]:
    page = paginate(UnreadableDocument.objects.all(), order=("-modified_at", "path"), cursor=cursor, size=limit)
    return {"items": page.items, "next": page.next}


@router.get("/validations/{uuid:validation_id}", response=ValidationDetail, summary="Get a validation with its results")
def read_validation(request: HttpRequest, validation_id: UUID) -> Validation:
    return _validation(validation_id)


@router.get(
    "/validations/{uuid:validation_id}/document",
    response=Any,
    summary="Download the complete result document",
)
def read_document(request: HttpRequest, validation_id: UUID) -> HttpResponse:
    return document_response(_validation(validation_id))


def _validation(validation_id: UUID) -> Validation:
    row = Validation.objects.filter(pk=validation_id).first()
    if row is None:
        raise NotFoundError(f"Validation {validation_id} does not exist.", "GET /validations lists all validations.")
    return row
