"""Abort thresholds: limits on the producer and on the downstream pipeline."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import Part, either, wrong
from controlplane.scenarios.generator.thresholds import METRICS


class Threshold(Part):
    """Abort the run when a metric is over (or under) a value for some time."""

    model_config = ConfigDict(json_schema_extra=either("over", "under"))

    metric: str = Field(json_schema_extra={"enum": list(METRICS)})
    over: Annotated[float, Field(ge=0, le=1e9)] | None = None
    under: Annotated[float, Field(ge=0, le=1e9)] | None = None
    for_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=5.0, description="Seconds for which the metric must breach the threshold without interruption."
    )

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        return problems.known(metric, METRICS)

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.over is None) == (self.under is None):
            raise wrong("A threshold needs either over or under.", "Set one of the two.")
        return self
