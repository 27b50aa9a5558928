"""What every part of a document is made of: strict, immutable models, and the kinds of words and numbers in them."""

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
# No database keeps a NUL in its text.
KEPT = r"^[^\x00]*$"
Prose = Annotated[str, Field(max_length=1000, pattern=KEPT)]
# Letters that need no escaping in JSON, so that the events can be put together from ready pieces.
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


def either(one: str, other: str) -> dict[str, Any]:
    """What a JSON Schema says of two properties of which exactly one is given."""
    return {
        "oneOf": [
            {"required": [given], "properties": {given: {"not": {"type": "null"}}, left: {"type": "null"}}}
            for given, left in ((one, other), (other, one))
        ]
    }


def named(text: str) -> str:
    """A name that a person gives now, as it is kept. Names that were kept under an earlier rule stay as they are.

    Raises:
        PydanticCustomError: it has a character that no name has.
    """
    name = normal_name(text)
    if hidden := hidden_in(name):
        raise wrong(f"has a character that is invisible or changes the direction of text: {hidden}.", "Leave it out.")
    if not 1 <= len(name) <= LONGEST_LINE:
        raise wrong(f"has {len(name)} characters and must have 1 to {LONGEST_LINE}.", "Shorten it.")
    return name


def wrong(message: str, remedy: str, at: str = "") -> PydanticCustomError:
    """An error of ours: `problems` reads the remedy back from its context, and `at`, the path from the part that is
    checked to the field that is wrong."""
    return PydanticCustomError("scenario", "{message}", {"message": message, "remedy": remedy, "at": at})


class Part(BaseModel):
    """A part of a document: unknown keys, wrong types and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
