"""The building blocks of documents: strict, immutable models and the types of their texts and numbers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from controlplane.names import hidden_in, normal_name

MAX_RATE = 1_000_000
MAX_SECONDS = 30 * 86_400
MAX_EVENTS = 1_000_000_000
LARGEST_SEED = 2**63 - 1

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0.01, le=MAX_RATE)]
Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]
LONGEST_LINE = 80
Line = Annotated[str, Field(min_length=1, max_length=LONGEST_LINE, pattern=r"^[^\x00-\x1f\x7f]+$")]
# No database stores NUL in text.
KEPT = r"^[^\x00]*$"
Prose = Annotated[str, Field(max_length=1000, pattern=KEPT)]
# Characters that need no escaping in JSON, so that events can be assembled from prepared pieces.
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


def either(one: str, other: str) -> dict[str, Any]:
    """The JSON Schema of two properties of which exactly one is required."""
    return {
        "oneOf": [
            {"required": [given], "properties": {given: {"not": {"type": "null"}}, left: {"type": "null"}}}
            for given, left in ((one, other), (other, one))
        ]
    }


def named(text: str) -> str:
    """A new name in its stored form. Names that were stored under an earlier rule are not changed.

    Raises:
        PydanticCustomError: the name has a character that names must not have, or an invalid length.
    """
    name = normal_name(text)
    if hidden := hidden_in(name):
        raise wrong(f"Contains an invisible or bidirectional control character: {hidden}.", "Remove it.")
    if not 1 <= len(name) <= LONGEST_LINE:
        raise wrong(f"Invalid length: {len(name)} characters.", f"Enter 1 to {LONGEST_LINE} characters.")
    return name


def wrong(message: str, remedy: str, at: str = "") -> PydanticCustomError:
    """A custom validation error. `problems` reads the remedy and `at` from its context; `at` is the path from the
    validated model to the invalid field."""
    return PydanticCustomError("scenario", "{message}", {"message": message, "remedy": remedy, "at": at})


class Part(BaseModel):
    """A part of a document. Unknown keys, wrong types and non-finite numbers are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
