"""A time window of a run."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from controlplane.scenarios.generator.document.base import MAX_SECONDS, Part, wrong

Moment = Annotated[float, Field(ge=0, le=MAX_SECONDS)]


class Window(Part):
    """From one second of sending to another. Defaults: the start and the end of the run."""

    from_seconds: Moment = Field(default=0.0, description="Start of the window, in seconds after the start of the run.")
    until_seconds: Moment | None = Field(
        default=None,
        description="End of the window, in seconds after the start of the run. By default the end of the run.",
    )

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.until_seconds is not None and self.until_seconds <= self.from_seconds:
            raise wrong(
                f"The end ({self.until_seconds:g} s) must be after the start ({self.from_seconds:g} s).",
                "Increase until_seconds or decrease from_seconds.",
                "until_seconds",
            )
        return self

    @property
    def end(self) -> float:
        """The second of its end; infinite without one."""
        return float("inf") if self.until_seconds is None else self.until_seconds
