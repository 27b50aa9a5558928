"""The error responses of the API, and their description."""

from typing import Any

from ninja import Schema
from pydantic import Field


class FieldErrorOut(Schema):
    field: str = Field(description="The parameter, or the path of the field in the request body.")
    message: str


class ErrorBody(Schema):
    code: str = Field(description="The machine-readable type of the error.")
    message: str = Field(description="What failed, on which field or object, with the value and the limit.")
    remedy: str = Field(description="How to resolve the error; empty if there is no remedy.")
    fields: list[FieldErrorOut] | None = Field(default=None, description="The invalid fields, with the code `invalid`.")


class ErrorOut(Schema):
    """Every response with a status of 400 or higher."""

    error: ErrorBody


ANYWHERE = {
    400: "The request can't be parsed: its body is not JSON.",
    401: "The token or session is missing or invalid.",
    403: "The role has no permission, or a request with a session lacks its CSRF token.",
    404: "The object does not exist.",
    409: "The current state of the object does not allow the action.",
    413: "The request exceeds the size limit of the operation.",
    422: "A parameter or a field of the body is invalid.",
    429: "Too many requests. `Retry-After` gives the seconds to wait.",
    503: "A required service does not respond.",
}


def describe_errors(description: dict[str, Any]) -> None:
    """Add the common error responses to every operation of an OpenAPI document."""
    schemas: dict[str, Any] = description.setdefault("components", {}).setdefault("schemas", {})
    said = ErrorOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(said.pop("$defs"))
    schemas["ErrorOut"] = said
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}}
    for path in description["paths"].values():
        for operation in path.values():
            for status, text in ANYWHERE.items():
                operation["responses"].setdefault(status, {"description": text, "content": content})
