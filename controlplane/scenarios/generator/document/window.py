"""A stretch of a run in which something holds."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from controlplane.scenarios.generator.document.base import MAX_SECONDS, Part, wrong

Moment = Annotated[float, Field(ge=0, le=MAX_SECONDS)]


class Window(Part):
    """From one second of sending to another; left out, from the beginning and to the end."""

    from_seconds: Moment = Field(default=0.0, description="Seconds after the start from which on it holds.")
    until_seconds: Moment | None = Field(default=None, description="Seconds after the start until which it holds.")

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.until_seconds is not None and self.until_seconds <= self.from_seconds:
            raise wrong(
                f"the window ends at {self.until_seconds:g} s, before it has begun at {self.from_seconds:g} s.",
                "Raise until_seconds or lower from_seconds.",
                "until_seconds",
            )
        return self

    @property
    def end(self) -> float:
        """The second of its end; infinite where it has none."""
        return float("inf") if self.until_seconds is None else self.until_seconds
