"""The scenario document, which defines the traffic. Read from YAML or JSON, fully validated, immutable."""

from controlplane.scenarios.generator.document.base import LARGEST_SEED, MAX_EVENTS, MAX_RATE, MAX_SECONDS
from controlplane.scenarios.generator.document.faults import Fault
from controlplane.scenarios.generator.document.population import Population
from controlplane.scenarios.generator.document.scenario import Scenario, check, json_schema
from controlplane.scenarios.generator.document.source import READY, Columns, Figures, Source
from controlplane.scenarios.generator.document.thresholds import Threshold
from controlplane.scenarios.generator.document.traffic import SHAPES, Traffic
from controlplane.scenarios.generator.errors import DocumentError, Problem

__all__ = [
    "LARGEST_SEED", "MAX_EVENTS", "MAX_RATE", "MAX_SECONDS", "READY", "SHAPES", "Columns", "DocumentError", "Fault",
    "Figures", "Population", "Problem", "Scenario", "Source", "Threshold", "Traffic", "check", "json_schema",
]  # fmt: skip
