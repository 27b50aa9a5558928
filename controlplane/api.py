"""The REST API at /api/v1/: the same services and permissions as the pages."""

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from controlplane.accounts.api_auth import AUTH
from controlplane.accounts.refusals import refusal_logged
from controlplane.api_links import describe_links
from controlplane.errors import ActionError
from controlplane.scenarios.generator.document import json_schema
from controlplane.scenarios.schemas import DOCUMENT
from controlplane.web.api_description import describe_as, without_null
from controlplane.web.api_errors import describe_errors
from controlplane.web.errors import again_later, unkeepable
from controlplane.web.json_answers import ApiRenderer

log = logging.getLogger(__name__)


def _docs_need_a_person(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The OpenAPI document is public; the interactive documentation requires a session."""
    guarded = login_required(view)

    def decide(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = view if request.path.endswith("/openapi.json") else guarded
        return chosen(request, *args, **kwargs)

    return decide


class _DescribedAPI(NinjaAPI):
    """An API whose description includes the errors of every operation, links, and the schema of scenario documents.

    The id of an operation is the name of its function, so that generated clients do not depend on the layout of the
    code. A test checks that the names are unique.
    """

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, **more: Any) -> OpenAPISchema:
        description = super().get_openapi_schema(**more)
        describe_errors(description)
        describe_links(description)
        without_null(description)
        describe_as(description, DOCUMENT, json_schema())
        return description


api = _DescribedAPI(
    title="Lakehouse control plane",
    version="1",
    description="The REST API offers every action of the web interface, with the same roles and audit log.",
    auth=AUTH,
    docs_url="/docs",
    docs_decorator=_docs_need_a_person,
    urls_namespace="api",
    renderer=ApiRenderer(),
)


def _error(request: HttpRequest, status: int, code: str, message: str, remedy: str = "", **more: Any) -> HttpResponse:
    body = {"error": {"code": code, "message": message, "remedy": remedy, **more}}
    return api.create_response(request, body, status=status)


@api.exception_handler(ActionError)
def _refused(request: HttpRequest, error: ActionError) -> HttpResponse:
    return again_later(_error(request, error.status, error.code, error.message, error.remedy), error)


@api.exception_handler(PermissionDenied)
def _forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    refusal_logged(request, str(error))
    return _error(
        request, 403, "forbidden", str(error), "Ask an admin for the role, or use a token with a wider scope."
    )


@api.exception_handler(AuthenticationError)
def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return _error(
        request,
        401,
        "unauthenticated",
        "Missing or invalid token or session.",
        "Send `Authorization: Bearer <token>` with a token that is not expired or revoked.",
    )


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = [
        {"field": ".".join(str(step) for step in found["loc"][1:]), "message": found["msg"]} for found in error.errors
    ]
    said = "; ".join(f"{found['field']}: {found['message']}" for found in fields)
    return _error(request, 422, "invalid", said, "See the description of the operation in /api/v1/docs.", fields=fields)


@api.exception_handler(DataError)
def _unkeepable(request: HttpRequest, error: DataError) -> HttpResponse:
    # The database's message contains parts of the statement, so it is only logged.
    log.info("the database can't store a value: %s", error)
    return unkeepable(request)


@api.exception_handler(Http404)
def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return _error(
        request,
        404,
        "not_found",
        f"{request.path} does not exist.",
        "Use the list operation of the resource to find it.",
    )


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _error(request, error.status_code, "error", str(error))


# The operations of each room.
api.add_router("", "controlplane.accounts.api.router", tags=["people"])
api.add_router("", "controlplane.accounts.second_factor.api.router", tags=["people"])
api.add_router("", "controlplane.health.api.router", tags=["health"])
api.add_router("", "controlplane.scenarios.api.router", tags=["scenarios"])
api.add_router("", "controlplane.quality.api.router", tags=["quality"])
api.add_router("", "controlplane.lakehouse.api.router", tags=["lakehouse"])
api.add_router("", "controlplane.ledger.api.router", tags=["ledger"])
api.add_router("", "controlplane.streaming.api.router", tags=["stream"])
api.add_router("", "controlplane.orchestration.api.router", tags=["runs"])
api.add_router("", "controlplane.search.api.router", tags=["search"])
