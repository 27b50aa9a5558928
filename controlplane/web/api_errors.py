"""What an operation of the API answers when it doesn't do what was asked, and its place in the description."""

from typing import Any

from ninja import Schema
from pydantic import Field


class FieldErrorOut(Schema):
    field: str = Field(description="The parameter, or the path of the field in the body.")
    message: str


class ErrorBody(Schema):
    code: str = Field(description="What kind of error it is, for programs.")
    message: str = Field(description="What failed, on which field or object, with the value and its bound.")
    remedy: str = Field(description="What to do about it; empty where nothing can be done.")
    fields: list[FieldErrorOut] | None = Field(default=None, description="With the code `invalid`: each field.")


class ErrorOut(Schema):
    """Every answer with a status of 400 and more."""

    error: ErrorBody


ANYWHERE = {
    400: "The request can't be read: its body isn't JSON.",
    401: "No valid token and no session.",
    403: "The role doesn't include it, or a request of a session lacks its CSRF token.",
    404: "What the address names doesn't exist.",
    409: "The state of what it is asked for forbids it.",
    413: "The request is larger than its address takes.",
    422: "A parameter or a field of the body is invalid.",
    429: "Too many attempts. `Retry-After` says how many seconds to wait.",
    503: "A part of the system that it needs doesn't answer.",
}


def describe_errors(description: dict[str, Any]) -> None:
    """Add to every operation of an OpenAPI document the errors that each may answer with."""
    schemas: dict[str, Any] = description.setdefault("components", {}).setdefault("schemas", {})
    said = ErrorOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(said.pop("$defs"))
    schemas["ErrorOut"] = said
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}}
    for path in description["paths"].values():
        for operation in path.values():
            for status, text in ANYWHERE.items():
                operation["responses"].setdefault(status, {"description": text, "content": content})
