"""The session flow: a state machine with think times, a conversion rate and a cart."""

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
# Transitions that are not allowed, and why. The document decides all others.
_NEVER_AFTER: dict[str, dict[str, str]] = {
    "start": {step: "a session starts with a view or a search." for step in STEPS if step not in ("view", "search")},
    "search": {"add_to_cart": "only a viewed product can be added to the cart."},
}


def impossible(state: str, step: str) -> str:
    """Why the transition from the state to the step is not allowed; empty if it is allowed."""
    if step == "purchase" and state not in ("checkout", "purchase"):
        return "a purchase must follow a checkout."
    return _NEVER_AFTER.get(state, {}).get(step, "")


Dwell = Annotated[float, Field(ge=0.05, le=3600)]


class Basket(Part):
    """The content of a cart."""

    pieces_per_line: Annotated[float, Field(ge=1, le=5)] | None = Field(
        default=None, description="Average quantity of a product per cart line."
    )
    most_lines: Annotated[int, Field(ge=1, le=8)] = Field(default=8, description="Maximum number of lines in a cart.")


class Sessions(Part):
    """The session flow: after each event, the probability of every next step."""

    think_seconds: Dwell = Field(default=8.0, description="Average event time between two events of a session.")
    dwell_seconds: dict[str, Dwell] = Field(
        default={},
        json_schema_extra={"propertyNames": {"enum": list(EVENT_TYPES)}},
        description="Think time after an event of this type. Overrides think_seconds.",
    )
    transitions: dict[
        str, Annotated[dict[str, Share], Field(json_schema_extra={"propertyNames": {"enum": [*STEPS]}})]
    ] = Field(default=TRANSITIONS, json_schema_extra={"propertyNames": {"enum": ["start", *EVENT_TYPES]}})
    conversion: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="Share of sessions with a purchase. Scales the transitions to checkout. Default: not scaled.",
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
                        f"The transition from {state} to {step} is not allowed: {never}",
                        f"Remove {step} from the row {state}.",
                        f"{state}.{step}",
                    )
            total = sum(row.values())
            if abs(total - 1) > 1e-6:
                raise wrong(
                    f"The row {state} sums to {total:.6g} ({100 * total:.6g}%).",
                    "Its probabilities must sum to 1 (100%).",
                    state,
                )
        if all(rows[state].get("leave", 0) == 0 for state in EVENT_TYPES):
            raise wrong("No session would ever end.", "Set a probability for leave (the exit) in at least one row.")
        return rows

    @model_validator(mode="after")
    def _converts(self) -> Self:
        if self.conversion is not None:
            most = _buying(_towards_checkout(self.transitions, 1e6))
            if self.conversion > most:
                raise wrong(
                    f"Conversion rate {self.conversion:g} is unreachable: the transitions allow at most {most:.3f}.",
                    "Lower it, or increase the probabilities of add_to_cart.",
                    "conversion",
                )
        return self

    def matrix(self) -> dict[str, dict[str, float]]:
        """The transitions, with those to checkout scaled to reach the conversion rate."""
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
    """The rows with the odds of a checkout multiplied. The other steps keep their proportions."""
    scaled = {}
    for state, row in rows.items():
        weights = {step: share * (odds if step == "checkout" else 1.0) for step, share in row.items()}
        total = sum(weights.values())
        # Rounded, so that differences in the last bit between machines can't change a choice.
        scaled[state] = {step: round(weight / total, 9) for step, weight in weights.items()}
    return scaled


def _buying(rows: dict[str, dict[str, float]]) -> float:
    """The share of sessions with a purchase: the hitting probability of an absorbing Markov chain (Kemeny and
    Snell, Finite Markov Chains, 1960)."""
    states = ("start", *(name for name in EVENT_TYPES if name != "purchase"))
    among = np.array([[rows[state].get(step, 0.0) for step in states] for state in states])
    into = np.array([rows[state].get("purchase", 0.0) for state in states])
    # A chain without an exit has no solution; a tiny exit probability gives it one.
    return float(np.linalg.solve(np.eye(len(states)) * (1 + 1e-9) - among, into)[0])
