"""The scenario document: what traffic to make. Read from YAML or JSON, checked in full, never changed afterwards."""

import hashlib
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.errors import DocumentError, Problem
from controlplane.scenarios.generator.events import CURRENCIES, EVENT_TYPES, STEPS
from controlplane.scenarios.generator.faults import KINDS

MAX_RATE = 1_000_000
MAX_SECONDS = 30 * 86_400
MAX_EVENTS = 1_000_000_000

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]
Line = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
Prose = Annotated[str, Field(max_length=1000)]
# Letters that need no escaping in JSON, so that the events can be put together from ready pieces.
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


def _wrong(message: str, remedy: str) -> PydanticCustomError:
    """An error of ours: `problems` reads the remedy back from its context."""
    return PydanticCustomError("scenario", "{message}", {"message": message, "remedy": remedy})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Stage(_Part):
    """A stretch of time with one arrival rate."""

    shape: Literal["constant"] = "constant"
    events_per_second: Annotated[float, Field(ge=0.01, le=MAX_RATE)]
    # Left out of the last stage, it means: to the end of the run.
    duration_seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)] | None = None


class Traffic(_Part):
    """How many records are sent a second, over time. Copies of earlier events count as records too."""

    stages: Annotated[list[Stage], Field(min_length=1, max_length=100)]
    # Every second of sending stands for this many seconds of event time; the newest event is always of now.
    time_compression: Annotated[float, Field(ge=1, le=100_000)] = 1.0


class Category(_Part):
    name: Word
    median_price: Annotated[float, Field(ge=0.5, le=10_000)]
    # Standard deviation of the price's natural logarithm.
    spread: Annotated[float, Field(ge=0, le=2)] = 0.5
    weight: Weight = 1.0


class Country(_Part):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    currency: str
    weight: Weight = 1.0

    @field_validator("currency")
    @classmethod
    def _known(cls, currency: str) -> str:
        if currency not in CURRENCIES:
            raise _wrong(f"{currency!r} is no currency that silver knows.", f"Use one of {', '.join(CURRENCIES)}.")
        return currency


CATEGORIES = [
    Category(name=name, median_price=price, spread=spread, weight=weight)
    for name, price, spread, weight in (
        ("shoes", 79, 0.45, 1.4), ("dresses", 59, 0.5, 1.2), ("jackets", 119, 0.5, 0.8), ("bags", 89, 0.7, 0.7),
        ("phones", 549, 0.5, 0.9), ("headphones", 99, 0.7, 0.9), ("books", 17, 0.4, 1.5), ("kitchen", 39, 0.7, 1.0),
        ("toys", 24, 0.5, 0.9), ("sports", 45, 0.6, 0.8),
    )
]  # fmt: skip
COUNTRIES = [
    Country(code=code, currency=currency, weight=weight)
    for code, currency, weight in (
        ("DE", "EUR", 24), ("FR", "EUR", 16), ("ES", "EUR", 10), ("IT", "EUR", 9), ("NL", "EUR", 6),
        ("GB", "GBP", 15), ("US", "USD", 12), ("PL", "PLN", 4), ("SE", "SEK", 2), ("CH", "CHF", 2),
    )
]  # fmt: skip


class Population(_Part):
    """Who shops, and for what."""

    users: Annotated[int, Field(ge=1, le=5_000_000)] = 20_000
    products: Annotated[int, Field(ge=1, le=200_000)] = 2_000
    # Exponent of Zipf's law over the products: 0 makes all alike, higher makes the few more popular.
    popularity: Annotated[float, Field(ge=0, le=3)] = 1.0
    categories: Annotated[list[Category], Field(min_length=1, max_length=200)] = CATEGORIES
    countries: Annotated[list[Country], Field(min_length=1, max_length=250)] = COUNTRIES
    devices: Annotated[dict[Word, Weight], Field(min_length=1, max_length=20)] = {
        "mobile": 6.0, "desktop": 3.0, "tablet": 1.0,
    }  # fmt: skip

    @model_validator(mode="after")
    def _unlike(self) -> Self:
        for what, names in (
            ("category", [c.name for c in self.categories]),
            ("country", [c.code for c in self.countries]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise _wrong(f"the {what} {twice[0]} is there twice.", "Keep one of them.")
        return self


TRANSITIONS: dict[str, dict[str, float]] = {
    "start": {"view": 0.6, "search": 0.4},
    "view": {"view": 0.36, "search": 0.13, "add_to_cart": 0.27, "leave": 0.24},
    "search": {"view": 0.72, "search": 0.15, "leave": 0.13},
    "add_to_cart": {"view": 0.36, "search": 0.09, "remove_from_cart": 0.08, "checkout": 0.37, "leave": 0.10},
    "remove_from_cart": {"view": 0.5, "search": 0.15, "checkout": 0.15, "leave": 0.20},
    "checkout": {"purchase": 0.78, "view": 0.08, "remove_from_cart": 0.04, "leave": 0.10},
    "purchase": {"view": 0.12, "search": 0.03, "leave": 0.85},
}
# What can't follow what, and why; the rest is up to the document.
_NEVER_AFTER: dict[str, dict[str, str]] = {
    "start": {step: "a session begins with a view or a search." for step in STEPS if step not in ("view", "search")},
    "search": {"add_to_cart": "only what was viewed goes into the cart."},
}


class Sessions(_Part):
    """How a session goes: after each event, the probability of every next step."""

    # Event time between two events of one session, on average.
    think_seconds: Annotated[float, Field(ge=0.05, le=3600)] = 8.0
    transitions: dict[str, dict[str, Share]] = TRANSITIONS

    @field_validator("transitions", mode="before")
    @classmethod
    def _rows_left_out(cls, given: object) -> object:
        return {**TRANSITIONS, **given} if isinstance(given, dict) else given

    @field_validator("transitions")
    @classmethod
    def _make_sense(cls, rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for state, row in rows.items():
            problems.known(state, ("start", *EVENT_TYPES), where="transitions")
            for step, probability in row.items():
                problems.known(step, STEPS, where=f"transitions.{state}")
                never = _NEVER_AFTER.get(state, {}).get(step)
                if step == "purchase" and state not in ("checkout", "purchase"):
                    never = "a purchase follows a checkout."
                if never and probability > 0:
                    raise _wrong(f"{state} to {step} can't be: {never}", f"Take {step} out of the row {state}.")
            total = sum(row.values())
            if abs(total - 1) > 1e-6:
                raise _wrong(f"the row {state} sums to {total:.6g}.", "Make its probabilities sum to 1.")
        if all(rows[state].get("leave", 0) == 0 for state in EVENT_TYPES):
            raise _wrong("no session would ever end.", "Give at least one row a probability to leave.")
        return rows


class Fault(_Part):
    """What goes wrong, and for which share of the records."""

    kind: str
    rate: Annotated[float, Field(gt=0, le=1)]
    # Only for `duplicate`: how long after the first the copy is sent, on average.
    delay_seconds: Annotated[float, Field(gt=0, le=7 * 86_400)] | None = None

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        return problems.known(kind, KINDS)

    @model_validator(mode="after")
    def _delay_of_copies(self) -> Self:
        if self.delay_seconds is not None and self.kind != "duplicate":
            raise _wrong(f"delay_seconds means nothing for {self.kind}.", "Take it out.")
        return self


class Scenario(_Part):
    """One scenario document."""

    name: Line
    description: Prose = ""
    # One sentence on what a person learns from running it.
    teaches: Prose = ""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    duration_seconds: Annotated[float, Field(ge=0.1, le=MAX_SECONDS)]
    max_events: Annotated[int, Field(ge=1, le=MAX_EVENTS)] | None = None
    traffic: Traffic
    population: Population = Population()
    sessions: Sessions = Sessions()
    faults: Annotated[list[Fault], Field(max_length=100)] = []

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        open_ended = [stage for stage in self.traffic.stages[:-1] if stage.duration_seconds is None]
        if open_ended:
            raise _wrong(
                "a stage before the last has no duration_seconds.", "Say how long each but the last one takes."
            )
        if sum(stage.duration_seconds or 0 for stage in self.traffic.stages[:-1]) >= self.duration_seconds:
            raise _wrong("the last stage begins after the end.", "Raise duration_seconds or shorten the stages.")
        kinds = [fault.kind for fault in self.faults]
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise _wrong(f"the fault {twice[0]} is there twice.", "Keep one of them, with the sum of the rates.")
        if sum(fault.rate for fault in self.faults) > 1 + 1e-9:
            raise _wrong("the rates of the faults sum to more than 1.", "A record has one fault at most: lower them.")
        return self

    def canonical(self) -> bytes:
        """The document as JSON with every default written out and its keys in order: the same for the same meaning."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    def content_digest(self) -> str:
        """32 hexadecimal digits over all that the document says, its words included."""
        return hashlib.blake2b(self.canonical(), digest_size=16).hexdigest()

    def digest(self) -> str:
        """32 hexadecimal digits over everything that shapes the traffic: not the words, and not what is as by default,
        so that a field that a later version of the program adds changes no document without it."""
        shaping = self.model_dump(
            mode="json", exclude={"name", "description", "teaches", "seed"}, exclude_defaults=True
        )
        return hashlib.blake2b(orjson.dumps(shaping, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def check(document: dict[str, Any]) -> Scenario:
    """A scenario from plain values.

    Raises:
        DocumentError: names every field that is wrong and how to mend it.
    """
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise DocumentError(problems.explain(error, Scenario)) from None


__all__ = ["DocumentError", "Problem", "Scenario", "check"]
