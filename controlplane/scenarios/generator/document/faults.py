"""What goes wrong, how often and when."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import wrong
from controlplane.scenarios.generator.document.window import Window
from controlplane.scenarios.generator.faults import FAULTS


class Fault(Window):
    """What goes wrong, and for which share of the records."""

    kind: str = Field(json_schema_extra={"enum": list(FAULTS)})
    rate: Annotated[float, Field(gt=0, le=1)] = Field(description="Share of the records.")
    # Only for kinds with a delay: see each kind for what it delays.
    delay_seconds: Annotated[float, Field(ge=0, le=30 * 86_400)] | None = None

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        return problems.known(kind, FAULTS)

    @model_validator(mode="after")
    def _delays(self) -> Self:
        default = FAULTS[self.kind].delay_seconds
        if self.delay_seconds is not None and default is None:
            raise wrong(f"delay_seconds means nothing for {self.kind}.", "Take it out.", "delay_seconds")
        return self

    @property
    def delay(self) -> float:
        """The average delay in seconds; 0 for kinds without one."""
        own = FAULTS[self.kind].delay_seconds or 0.0
        return own if self.delay_seconds is None else self.delay_seconds


def check_faults(faults: list[Fault]) -> None:
    """What must hold among the faults of a document.

    Raises:
        PydanticCustomError: two windows of one kind overlap, or at some moment the rates sum to more than 1.
    """
    for number, fault in enumerate(faults):
        for later, other in enumerate(faults[number + 1 :]):
            apart = fault.end <= other.from_seconds or other.end <= fault.from_seconds
            if fault.kind == other.kind and not apart:
                if (fault.from_seconds, fault.end) == (0, float("inf")) == (other.from_seconds, other.end):
                    raise wrong(
                        f"the fault {fault.kind} is there twice.",
                        "Keep one of them, with the sum of the rates.",
                        f"faults[{number + 1 + later}]",
                    )
                raise wrong(
                    f"two windows of {fault.kind} overlap.",
                    "Let one end before the other begins.",
                    f"faults[{number + 1 + later}]",
                )
    for moment in {0.0, *(fault.from_seconds for fault in faults)}:
        if sum(fault.rate for fault in faults if fault.from_seconds <= moment < fault.end) > 1 + 1e-9:
            when = f" at {moment:g} s" if moment else ""
            raise wrong(
                f"the rates of the faults sum to more than 1{when}.",
                "A record has one fault at most: lower them.",
                "faults",
            )
