"""The traffic of a scenario as a sparkline."""

from dataclasses import dataclass

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.faults import FAULTS, Outcome
from controlplane.scenarios.generator.schedule import Schedule

WIDTH, HEIGHT = 240.0, 56.0
_BASE = HEIGHT - 4


@dataclass(frozen=True)
class Sparkline:
    """Points of an SVG of 240 by 56. `line` is the rate over time, `area` the same closed at the base, `spoiled` the
    share of invalid records; `says` is the description."""

    line: str
    area: str
    spoiled: str
    says: str

    @classmethod
    def of(cls, scenario: Scenario) -> "Sparkline":
        """The sparkline of a scenario."""
        corners = Schedule(scenario).corners()
        peak = max(rate for _, rate in corners)
        # A constant rate would touch the frame, so it is drawn at three quarters of the height.
        scale = (_BASE - 4) / peak * (0.75 if min(rate for _, rate in corners) == peak else 1)
        bad = spoiled_share(scenario)
        rates = [(moment / scenario.duration_seconds * WIDTH, rate * scale) for moment, rate in corners]
        return cls(
            line=_points(rates),
            area=_points([(0, 0), *rates, (WIDTH, 0)]),
            # Keeps a share of 3% visible.
            spoiled=_points([(0, 0), *((x, max(y * bad, 2)) for x, y in rates), (WIDTH, 0)]) if bad else "",
            says=f"Peak {peak:,.0f} records/s over {scenario.duration_seconds:,.0f} s, {bad:.1%} invalid",
        )


def spoiled_share(scenario: Scenario, outcome: Outcome = Outcome.QUARANTINED) -> float:
    """The time-weighted share of a run's records with a fault of this outcome. A window counts by its duration."""
    seconds = scenario.duration_seconds
    return sum(
        fault.rate * max(min(fault.end, seconds) - fault.from_seconds, 0) / seconds
        for fault in scenario.faults
        if FAULTS[fault.kind].outcome is outcome
    )


def _points(corners: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{_BASE - y:.1f}" for x, y in corners)
