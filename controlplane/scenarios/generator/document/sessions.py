"""How a session goes: a state machine with thinking times, conversion and basket."""

from typing import Annotated, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import Part, Share, wrong
from controlplane.scenarios.generator.events import EVENT_TYPES, STEPS

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


def impossible(state: str, step: str) -> str:
    """Why a step can't come after a state, in a sentence; empty where it can."""
    if step == "purchase" and state not in ("checkout", "purchase"):
        return "a purchase follows a checkout."
    return _NEVER_AFTER.get(state, {}).get(step, "")


Dwell = Annotated[float, Field(ge=0.05, le=3600)]


class Basket(Part):
    """What goes into a cart."""

    pieces_per_line: Annotated[float, Field(ge=1, le=5)] | None = Field(
        default=None, description="Pieces of a product put into the cart at once, on average."
    )
    most_lines: Annotated[int, Field(ge=1, le=8)] = Field(default=8, description="Different lines in a cart, at most.")


class Sessions(Part):
    """How a session goes: after each event, the probability of every next step."""

    # Event time between two events of one session, on average.
    think_seconds: Dwell = Field(default=8.0, description="Event time between two steps, on average.")
    dwell_seconds: dict[str, Dwell] = Field(
        default={},
        json_schema_extra={"propertyNames": {"enum": list(EVENT_TYPES)}},
        description="The same after one kind of event, where it differs.",
    )
    transitions: dict[
        str, Annotated[dict[str, Share], Field(json_schema_extra={"propertyNames": {"enum": [*STEPS]}})]
    ] = Field(default=TRANSITIONS, json_schema_extra={"propertyNames": {"enum": ["start", *EVENT_TYPES]}})
    conversion: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="Share of sessions that buy; scales the steps to checkout. Left out, the matrix decides.",
    )
    basket: Basket = Basket()

    @field_validator("transitions", mode="before")
    @classmethod
    def _rows_left_out(cls, given: object) -> object:
        return {**TRANSITIONS, **given} if isinstance(given, dict) else given

    @field_validator("dwell_seconds")
    @classmethod
    def _known_states(cls, given: dict[str, float]) -> dict[str, float]:
        for state in given:
            problems.known(state, EVENT_TYPES, where="dwell_seconds", at=state)
        return given

    @field_validator("transitions")
    @classmethod
    def _make_sense(cls, rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for state, row in rows.items():
            problems.known(state, ("start", *EVENT_TYPES), where="transitions", at=state)
            for step, probability in row.items():
                problems.known(step, STEPS, where=f"transitions.{state}", at=f"{state}.{step}")
                never = impossible(state, step)
                if never and probability > 0:
                    raise wrong(
                        f"{state} to {step} can't be: {never}",
                        f"Take {step} out of the row {state}.",
                        f"{state}.{step}",
                    )
            total = sum(row.values())
            if abs(total - 1) > 1e-6:
                raise wrong(
                    f"the row {state} sums to {total:.6g} ({100 * total:.6g} %).",
                    "Make its probabilities sum to 1.",
                    state,
                )
        if all(rows[state].get("leave", 0) == 0 for state in EVENT_TYPES):
            raise wrong("no session would ever end.", "Give at least one row a probability to leave.")
        return rows

    @model_validator(mode="after")
    def _converts(self) -> Self:
        if self.conversion is not None:
            most = _buying(_towards_checkout(self.transitions, 1e6))
            if self.conversion > most:
                raise wrong(
                    f"conversion {self.conversion:g} is out of reach: these transitions allow at most {most:.3f}.",
                    "Lower it, or raise the probabilities of add_to_cart.",
                    "conversion",
                )
        return self

    def matrix(self) -> dict[str, dict[str, float]]:
        """The transitions with the steps to checkout scaled until the wanted share of sessions buys."""
        if self.conversion is None:
            return self.transitions
        low, high = 0.0, 1e6
        for _ in range(80):
            middle = (low + high) / 2
            if _buying(_towards_checkout(self.transitions, middle)) < self.conversion:
                low = middle
            else:
                high = middle
        return _towards_checkout(self.transitions, high)


def _towards_checkout(rows: dict[str, dict[str, float]], odds: float) -> dict[str, dict[str, float]]:
    """The rows with the odds of a checkout multiplied, the other steps keeping their proportions."""
    scaled = {}
    for state, row in rows.items():
        weights = {step: share * (odds if step == "checkout" else 1.0) for step, share in row.items()}
        total = sum(weights.values())
        # Rounded, so that the last bit of a machine's arithmetic can't change what is picked.
        scaled[state] = {step: round(weight / total, 9) for step, weight in weights.items()}
    return scaled


def _buying(rows: dict[str, dict[str, float]]) -> float:
    """The share of sessions that come to a purchase: the hitting probability of an absorbing Markov chain (Kemeny and
    Snell, Finite Markov Chains, 1960)."""
    states = ("start", *(name for name in EVENT_TYPES if name != "purchase"))
    among = np.array([[rows[state].get(step, 0.0) for step in states] for state in states])
    into = np.array([rows[state].get("purchase", 0.0) for state in states])
    # A chain that never leaves has no answer; a thousandth of a thousandth of leaving gives it one.
    return float(np.linalg.solve(np.eye(len(states)) * (1 + 1e-9) - among, into)[0])
