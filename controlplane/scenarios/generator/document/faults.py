"""The faults of a document: kind, rate and window."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import wrong
from controlplane.scenarios.generator.document.window import Window
from controlplane.scenarios.generator.faults import FAULTS


class Fault(Window):
    """A fault, and the share of the records that it is injected into."""

    kind: str = Field(json_schema_extra={"enum": list(FAULTS)})
    rate: Annotated[float, Field(gt=0, le=1)] = Field(description="Share of the records with this fault.")
    # Only for kinds with a delay. Each kind defines what is delayed.
    delay_seconds: Annotated[float, Field(ge=0, le=30 * 86_400)] | None = None

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        return problems.known(kind, FAULTS)

    @model_validator(mode="after")
    def _delays(self) -> Self:
        default = FAULTS[self.kind].delay_seconds
        if self.delay_seconds is not None and default is None:
            raise wrong(f"delay_seconds does not apply to {self.kind}.", "Remove it.", "delay_seconds")
        return self

    @property
    def delay(self) -> float:
        """The average delay in seconds; 0 for kinds without one."""
        own = FAULTS[self.kind].delay_seconds or 0.0
        return own if self.delay_seconds is None else self.delay_seconds


def check_faults(faults: list[Fault]) -> None:
    """Validate the faults of a document as a whole.

    Raises:
        PydanticCustomError: two windows of one kind overlap, or the rates sum to more than 1 at some point in time.
    """
    for number, fault in enumerate(faults):
        for later, other in enumerate(faults[number + 1 :]):
            apart = fault.end <= other.from_seconds or other.end <= fault.from_seconds
            if fault.kind == other.kind and not apart:
                if (fault.from_seconds, fault.end) == (0, float("inf")) == (other.from_seconds, other.end):
                    raise wrong(
                        f"Duplicate fault {fault.kind}.",
                        "Keep one of them, with the sum of the rates.",
                        f"faults[{number + 1 + later}]",
                    )
                raise wrong(
                    f"Two windows of {fault.kind} overlap.",
                    "End one window before the other starts.",
                    f"faults[{number + 1 + later}]",
                )
    for moment in {0.0, *(fault.from_seconds for fault in faults)}:
        if sum(fault.rate for fault in faults if fault.from_seconds <= moment < fault.end) > 1 + 1e-9:
            when = f" at {moment:g} s" if moment else ""
            raise wrong(
                f"The fault rates sum to more than 1 (100%){when}.",
                "Lower them: a record has at most one fault.",
                "faults",
            )
