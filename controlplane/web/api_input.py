"""Input types of the API: strictly validated request bodies, and text parameters.

A schema describes exactly what the code accepts; `tests/access/test_contract.py` tests both sides. The service rejects
what JSON Schema can't express (a name that is in use, a password that is easy to guess).
"""

from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from controlplane.web.paging import CURSOR, LARGEST_PAGE, LONGEST_CURSOR

# PostgreSQL can't store NUL in text.
WITHOUT_NUL = r"^[^\x00]*$"
LARGEST_WHOLE = 2**63 - 1


class Body(BaseModel):
    """A JSON body. Values of another JSON type are rejected instead of converted, and so are bodies other than objects.

    Unlike ninja's `Schema`, it never reads fields from the attributes of an object.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_json_type(cls, value: Any, info: ValidationInfo) -> Any:
        """Reject strings for numbers, numbers for times and non-booleans for booleans, which pydantic would convert."""
        assert info.field_name is not None
        accepted = _types(cls.model_fields[info.field_name].annotation)
        if accepted & {int, float} and not accepted & {str, bool} and isinstance(value, str | bool):
            raise PydanticCustomError("number_type", "must be a number")
        if bool in accepted and value is not None and not isinstance(value, bool):
            raise PydanticCustomError("bool_type", "must be true or false")
        if datetime in accepted and isinstance(value, int | float):
            raise PydanticCustomError("datetime_type", "must be a string such as 2026-11-23T17:00:00Z")
        return value


def _types(annotation: Any) -> set[Any]:
    """The types of a field: the members of a union, without annotations."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return {found for one in get_args(annotation) for found in _types(one)}
    return {get_origin(annotation) or annotation}


# The value of an omitted property, in a body where it is never null.
LEFT_OUT: Any = None


def not_null(schema: dict[str, Any]) -> None:
    """For `json_schema_extra` of an optional property that is never null."""
    schema.pop("default", None)


class OneOf(Body):
    """A body with exactly one property."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError(
                "one_of", "must have exactly one of {names}", {"names": ", ".join(type(self).model_fields)}
            )
        return self


def _kept(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul", "contains a NUL character")
    return text


# A filter or a name in a URL.
Text = Annotated[str, AfterValidator(_kept), Field(json_schema_extra={"pattern": WITHOUT_NUL})]
Cursor = (
    Annotated[
        str,
        Field(
            json_schema_extra={"maxLength": LONGEST_CURSOR, "pattern": CURSOR},
            description="`next` of the previous page of the same list with the same filters.",
        ),
    ]
    | None
)
Limit = Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="Rows per page.")]
Whole = Annotated[int, Field(ge=0, le=LARGEST_WHOLE)]
