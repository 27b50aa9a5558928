"""The rate over time: stages, each of one shape, as linear segments."""

import math
from itertools import count
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from controlplane.scenarios.generator.document.base import MAX_SECONDS, Part, Rate, Seconds, Share, wrong

# Linear segments per period of a sine wave.
WAVE_PIECES = 48
# The maximum number of segments of a run, which looped stages and short periods could exceed.
MAX_PIECES = 20_000

Piece = tuple[float, float, float]
"""(seconds, rate at the start, rate at the end). The rate is linear in between."""


class _Stage(Part):
    # Omitted on the last stage: until the end of the run.
    duration_seconds: Seconds | None = Field(
        default=None, description="Duration of the stage. Only the last stage may omit it."
    )


class Constant(_Stage):
    """A constant rate."""

    shape: Literal["constant"] = "constant"
    events_per_second: Rate

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        """The stage as linear segments, for `seconds` of the run at this time compression."""
        return [(seconds, self.events_per_second, self.events_per_second)]


class Ramp(_Stage):
    """A linear ramp from one rate to another."""

    shape: Literal["ramp"]
    events_per_second: Rate = Field(description="Rate at the start.")
    to_events_per_second: Rate = Field(description="Rate at the end.")

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        """The stage as linear segments, for `seconds` of the run at this time compression."""
        return [(seconds, self.events_per_second, self.to_events_per_second)]


class Step(_Stage):
    """From one rate to another in equal steps of equal duration."""

    shape: Literal["step"]
    events_per_second: Rate = Field(description="Rate of the first step.")
    to_events_per_second: Rate = Field(description="Rate of the last step.")
    steps: Annotated[int, Field(ge=2, le=100)] = 5

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        """The stage as linear segments, for `seconds` of the run at this time compression."""
        rise = (self.to_events_per_second - self.events_per_second) / (self.steps - 1)
        rates = [self.events_per_second + rise * number for number in range(self.steps)]
        return [(seconds / self.steps, rate, rate) for rate in rates]


class Spike(_Stage):
    """A base rate, a rise to a peak, the peak, and a fall back to the base rate."""

    shape: Literal["spike"]
    events_per_second: Rate = Field(description="Base rate before and after the spike.")
    peak_events_per_second: Rate
    # Shares of the stage's duration. The remainder at the end has the base rate.
    before: Share = Field(default=0.2, description="Share of the stage before the rise.")
    rise: Share = Field(default=0.05, description="Share of the stage in which the rate rises.")
    hold: Share = Field(default=0.25, description="Share of the stage at the peak rate.")
    fall: Share = Field(default=0.2, description="Share of the stage in which the rate falls.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        total = self.before + self.rise + self.hold + self.fall
        if total > 1 + 1e-9:
            raise wrong(
                f"Delay (before), rise, hold and fall sum to {total:.6g}.", "Lower them: the sum must be at most 1."
            )
        return self

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        """The stage as linear segments, for `seconds` of the run at this time compression."""
        base, peak = self.events_per_second, self.peak_events_per_second
        after = max(1 - self.before - self.rise - self.hold - self.fall, 0.0)
        drawn = (
            (self.before, base, base), (self.rise, base, peak), (self.hold, peak, peak),
            (self.fall, peak, base), (after, base, base),
        )  # fmt: skip
        return [(share * seconds, start, end) for share, start, end in drawn if share * seconds > 1e-9]


class Wave(_Stage):
    """A sine wave between two rates, as in a daily cycle. The period is in event time, so compression shortens it."""

    shape: Literal["wave"]
    events_per_second: Rate = Field(description="Minimum rate.")
    peak_events_per_second: Rate = Field(description="Maximum rate.")
    period_seconds: Annotated[float, Field(ge=1, le=MAX_SECONDS)] = 86_400.0
    phase: Share = Field(default=0.0, description="Start of the wave: 0 at the minimum, 0.5 at the maximum.")

    def pieces(self, seconds: float, compression: float) -> list[Piece]:
        """The stage as linear segments, for `seconds` of the run at this time compression."""
        period = self.period_seconds / compression
        parts = max(math.ceil(seconds / period * WAVE_PIECES), 1)
        if parts > MAX_PIECES:
            raise wrong(
                f"The sine wave has {seconds / period:,.0f} periods; the maximum is {MAX_PIECES // WAVE_PIECES:,}.",
                "Increase period_seconds.",
                "traffic.stages",
            )
        corners = [min(number * period / WAVE_PIECES, seconds) for number in range(parts + 1)]
        rates = [self._rate(corner / period) for corner in corners]
        return [
            (corners[n + 1] - corners[n], rates[n], rates[n + 1])
            for n in range(parts) if corners[n + 1] - corners[n] > 1e-9
        ]  # fmt: skip

    def _rate(self, turns: float) -> float:
        # Rounded, because the last bit of a cosine differs between machines.
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
    """Records per second over time. Copies of earlier events count as records."""

    stages: Annotated[list[Stage], Field(min_length=1, max_length=100)]
    unit: Literal["events", "sessions"] = Field(
        default="events", description="Unit of the rates: events, or new sessions."
    )
    loop: bool = Field(default=False, description="Repeat the stages until the run ends.")
    # Seconds of event time per second of sending. The newest event always has the current time.
    time_compression: Annotated[float, Field(ge=1, le=100_000)] = 1.0

    def pieces(self, duration: float) -> list[Piece]:
        """The rate of the whole run as linear segments, cut at its end (seconds of sending)."""
        found: list[Piece] = []
        left = duration
        # Stages too short for a segment would loop forever.
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
        f"The stages repeat too often: the run has more than {MAX_PIECES:,} segments.",
        "Lengthen the stages or shorten the run.",
        "traffic.stages",
    )
