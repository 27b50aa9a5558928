"""How much is sent and when: stages, each of one shape, as straight pieces of rate over time."""

import math
from itertools import count
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from controlplane.scenarios.generator.document.base import MAX_SECONDS, Part, Rate, Seconds, Share, wrong

# A wave is drawn with so many straight pieces a period.
WAVE_PIECES = 48
# A stage that is repeated, or a wave with a short period, is not drawn with more pieces than this.
MAX_PIECES = 20_000

Piece = tuple[float, float, float]
"""(seconds, rate at its beginning, rate at its end): the rate changes evenly in between."""


class _Stage(Part):
    # Left out of the last stage, it means: to the end of the run.
    duration_seconds: Seconds | None = Field(
        default=None, description="How long it takes; only the last stage may leave it out."
    )


class Constant(_Stage):
    """One steady rate."""

    shape: Literal["constant"] = "constant"
    events_per_second: Rate

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        return [(seconds, self.events_per_second, self.events_per_second)]


class Ramp(_Stage):
    """From one rate evenly to another."""

    shape: Literal["ramp"]
    events_per_second: Rate = Field(description="The rate at the beginning.")
    to_events_per_second: Rate = Field(description="The rate at the end.")

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        return [(seconds, self.events_per_second, self.to_events_per_second)]


class Step(_Stage):
    """From one rate to another in equal steps, each held equally long."""

    shape: Literal["step"]
    events_per_second: Rate = Field(description="The rate of the first step.")
    to_events_per_second: Rate = Field(description="The rate of the last step.")
    steps: Annotated[int, Field(ge=2, le=100)] = 5

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        rise = (self.to_events_per_second - self.events_per_second) / (self.steps - 1)
        rates = [self.events_per_second + rise * number for number in range(self.steps)]
        return [(seconds / self.steps, rate, rate) for rate in rates]


class Spike(_Stage):
    """A base rate, a steep rise to a peak, the peak held, and the fall back to the base."""

    shape: Literal["spike"]
    events_per_second: Rate = Field(description="The rate before and after.")
    peak_events_per_second: Rate
    # Shares of the stage's time; what is left over at the end is the base rate again.
    before: Share = Field(default=0.2, description="Share of the stage before the rise.")
    rise: Share = Field(default=0.05, description="Share of the stage in which it rises.")
    hold: Share = Field(default=0.25, description="Share of the stage at the peak.")
    fall: Share = Field(default=0.2, description="Share of the stage in which it falls.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        total = self.before + self.rise + self.hold + self.fall
        if total > 1 + 1e-9:
            raise wrong(f"before, rise, hold and fall sum to {total:.6g}.", "Lower them: together at most 1.")
        return self

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        base, peak = self.events_per_second, self.peak_events_per_second
        after = max(1 - self.before - self.rise - self.hold - self.fall, 0.0)
        drawn = (
            (self.before, base, base), (self.rise, base, peak), (self.hold, peak, peak),
            (self.fall, peak, base), (after, base, base),
        )  # fmt: skip
        return [(share * seconds, start, end) for share, start, end in drawn if share * seconds > 1e-9]


class Wave(_Stage):
    """Up and down between two rates, as day and night do. The period is in event time, so compression shortens it."""

    shape: Literal["wave"]
    events_per_second: Rate = Field(description="The lowest rate.")
    peak_events_per_second: Rate = Field(description="The highest rate.")
    period_seconds: Annotated[float, Field(ge=1, le=MAX_SECONDS)] = 86_400.0
    phase: Share = Field(default=0.0, description="Where it begins: 0 at the lowest, 0.5 at the highest.")

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        period = self.period_seconds / compression
        parts = max(math.ceil(seconds / period * WAVE_PIECES), 1)
        if parts > MAX_PIECES:
            raise wrong(f"the wave turns {seconds / period:,.0f} times.", "Raise period_seconds.", "traffic.stages")
        corners = [min(number * period / WAVE_PIECES, seconds) for number in range(parts + 1)]
        rates = [self._rate(corner / period) for corner in corners]
        return [
            (corners[n + 1] - corners[n], rates[n], rates[n + 1])
            for n in range(parts) if corners[n + 1] - corners[n] > 1e-9
        ]  # fmt: skip

    def _rate(self, turns: float) -> float:
        # Rounded, because the last bit of a cosine is the machine's own.
        height = round((1 - math.cos(2 * math.pi * (turns + self.phase))) / 2, 9)
        return self.events_per_second + (self.peak_events_per_second - self.events_per_second) * height


def _shape_of(given: Any) -> str:
    shape = given.get("shape", "constant") if isinstance(given, dict) else getattr(given, "shape", "constant")
    return shape if isinstance(shape, str) else "constant"


SHAPES: dict[str, type[_Stage]] = {"constant": Constant, "ramp": Ramp, "step": Step, "spike": Spike, "wave": Wave}

Stage = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Ramp, Tag("ramp")]
    | Annotated[Step, Tag("step")]
    | Annotated[Spike, Tag("spike")]
    | Annotated[Wave, Tag("wave")],
    Discriminator(_shape_of),
]


class Traffic(Part):
    """How many records are sent a second, over time. Copies of earlier events count as records too."""

    stages: Annotated[list[Stage], Field(min_length=1, max_length=100)]
    unit: Literal["events", "sessions"] = Field(
        default="events", description="What the stages count: events, or sessions that begin."
    )
    loop: bool = Field(
        default=False, description="Begin with the first stage again after the last, until the run ends."
    )
    # Every second of sending stands for this many seconds of event time; the newest event is always of now.
    time_compression: Annotated[float, Field(ge=1, le=100_000)] = 1.0

    def pieces(self, duration: float) -> list[Piece]:
        """The whole run's rate as straight pieces, cut off at its end (seconds of sending)."""
        found: list[Piece] = []
        left = duration
        # A stage that is too short to have a piece would be repeated without end.
        for turn in count() if self.loop else range(1):
            for number, stage in enumerate(self.stages):
                if left <= 1e-9:
                    return found
                if turn * len(self.stages) + number > MAX_PIECES:
                    raise _too_often()
                whole = stage.duration_seconds or left
                for seconds, start, end in stage.pieces(whole, self.time_compression):
                    if left <= 1e-9:
                        break
                    taken = min(seconds, left)
                    found.append((taken, start, start + (end - start) * (taken / seconds) if taken < seconds else end))
                    left -= taken
                    if len(found) > MAX_PIECES:
                        raise _too_often()
        return found


def _too_often() -> PydanticCustomError:
    return wrong(
        f"the stages repeat too often: the run has more than {MAX_PIECES:,} pieces.",
        "Lengthen them or shorten the run.",
        "traffic.stages",
    )
