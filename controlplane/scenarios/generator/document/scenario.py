"""The whole document."""

import hashlib
from typing import Annotated, Any, Self

import orjson
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from controlplane.names import NAME
from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import (
    LARGEST_SEED,
    MAX_EVENTS,
    MAX_SECONDS,
    Line,
    Part,
    Prose,
    named,
    wrong,
)
from controlplane.scenarios.generator.document.faults import Fault, check_faults
from controlplane.scenarios.generator.document.population import Population
from controlplane.scenarios.generator.document.sessions import Sessions
from controlplane.scenarios.generator.document.source import Source
from controlplane.scenarios.generator.document.thresholds import Threshold
from controlplane.scenarios.generator.document.traffic import Traffic
from controlplane.scenarios.generator.errors import DocumentError

# A recording as the source defines these.
_DRAWN = ("duration_seconds", "traffic")
_MADE_UP = (*_DRAWN, "population", "sessions")
# Silver rejects events older than 400 days, so no event of a run may be older, however late it is.
MAX_SPAN_DAYS = 380


NEW = "new"


class Scenario(Part):
    """One scenario document."""

    name: Annotated[Line, Field(json_schema_extra={"pattern": NAME})]
    description: Prose = ""
    # The learning goal in one sentence.
    teaches: Prose = ""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 1
    duration_seconds: Annotated[float, Field(ge=0.1, le=MAX_SECONDS)]
    max_events: Annotated[int, Field(ge=1, le=MAX_EVENTS)] | None = None
    traffic: Traffic
    source: Source | None = None
    population: Population = Population()
    sessions: Sessions = Sessions()
    faults: Annotated[list[Fault], Field(max_length=100)] = []
    thresholds: Annotated[list[Threshold], Field(max_length=20)] = []

    @field_validator("name")
    @classmethod
    def _named(cls, name: str, info: ValidationInfo) -> str:
        return named(name) if info.context == NEW else name

    @model_validator(mode="before")
    @classmethod
    def _recorded(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("source") is None:
            return given
        for name in _MADE_UP:
            if name in given:
                raise wrong(
                    f"{name}: Not allowed with a source. The recording defines it.", f"Remove {name} or source."
                )
        try:
            source = Source.model_validate(given["source"])
        except ValidationError:
            # The validation of the field reports it.
            return {**given, "duration_seconds": 1.0, "traffic": {"stages": [{"events_per_second": 1.0}]}}
        return {**given, "source": source, **source.drawn()}

    @model_serializer(mode="wrap")
    def _as_given(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = plain(self)
        return {name: value for name, value in said.items() if self.source is None or name not in _MADE_UP}

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        stages, loop = self.traffic.stages, self.traffic.loop
        before_last = stages if loop else stages[:-1]
        if any(stage.duration_seconds is None for stage in before_last):
            which = "A looped stage" if loop else "A stage before the last"
            remedy = f"Set duration_seconds on every stage{'' if loop else ' except the last'}."
            raise wrong(f"{which} has no duration_seconds.", remedy, "traffic.stages")
        if not loop and sum(stage.duration_seconds or 0 for stage in before_last) >= self.duration_seconds:
            raise wrong(
                "The last stage starts after the end of the run.",
                "Increase duration_seconds or shorten the stages.",
                "duration_seconds",
            )
        self.traffic.pieces(self.duration_seconds)
        check_faults(self.faults)
        late = max((fault.delay for fault in self.faults), default=0)
        span = (self.duration_seconds * self.traffic.time_compression + late) / 86_400
        if span > MAX_SPAN_DAYS:
            raise wrong(
                f"The events would span {span:,.0f} days; the maximum is {MAX_SPAN_DAYS} days.",
                "Lower time_compression or the delays.",
                "traffic.time_compression",
            )
        return self

    def canonical(self) -> bytes:
        """The document as JSON with all defaults and sorted keys: identical for equivalent documents."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    def content_digest(self) -> str:
        """32 hexadecimal digits over the whole document, including its texts. Default values are excluded, so that a
        field that a later release adds creates no new version."""
        said = self.model_dump(mode="json", exclude_defaults=True, exclude={"source": {"figures"}})
        return _digest(said)

    def digest(self) -> str:
        """32 hexadecimal digits over everything that shapes the traffic: without texts, thresholds and default
        values."""
        words: dict[str, Any] = dict.fromkeys(("name", "description", "teaches", "seed", "thresholds"), True)
        words["source"] = {"figures": True, "name": True}
        return _digest(self.model_dump(mode="json", exclude=words, exclude_defaults=True))


def _digest(said: dict[str, Any]) -> str:
    return hashlib.blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def check(document: dict[str, Any], *, new: bool = False) -> Scenario:
    """A scenario from plain values.

    Args:
        new: the document is submitted now, so its name must follow the current rule. Stored documents need not.

    Raises:
        DocumentError: names every invalid field and its remedy.
    """
    try:
        return Scenario.model_validate(document, context=NEW if new else None)
    except ValidationError as error:
        raise DocumentError(problems.explain(error, Scenario)) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document."""
    schema = Scenario.model_json_schema()
    for name in _DRAWN:
        schema["required"].remove(name)
    schema["oneOf"] = [
        {"required": list(_DRAWN), "properties": {"source": {"type": "null"}}},
        {
            "required": ["source"],
            "properties": {"source": {"type": "object"}, **dict.fromkeys(_MADE_UP, False)},
        },
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scenario", **schema}
