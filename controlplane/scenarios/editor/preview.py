"""A preview as a page shows it: a chart of the rate, totals with their shares, sample events."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.faults import FAULTS
from controlplane.scenarios.generator.preview import Preview, SampleEvent, preview

WIDTH, HEIGHT = 600.0, 160.0
# The minimum width keeps short windows visible.
_LEAST_BAND = 2.0


@dataclass(frozen=True)
class Band:
    """A window in the chart, starting at `x`, `width` wide."""

    x: float
    width: float
    says: str


@dataclass(frozen=True)
class RateDrawing:
    """The rate over time, 600 by 160. The tick labels are outside: `ticks_y` from the top, `ticks_x` from the left."""

    line: str
    area: str
    bands: list[Band]
    ticks_y: list[float]
    ticks_x: list[float]
    says: str


@dataclass(frozen=True)
class Sample:
    """A sample event. `kind` is its event type, empty if unreadable; `pretty` is indented if it is JSON."""

    event: SampleEvent
    kind: str
    pretty: str


@dataclass(frozen=True)
class Ahead:
    """A preview with its chart and tables."""

    found: Preview
    drawing: RateDrawing
    types: list[dict[str, Any]]
    faults: list[dict[str, Any]]
    samples: list[Sample]

    @property
    def spoiled(self) -> int:
        """The number of records with a fault."""
        return sum(self.found.by_fault.values())


def looked_ahead(scenario: Scenario) -> Ahead:
    """The preview of a run of the scenario."""
    # A stored recording can change between two calls; without one, the document decides everything.
    found = preview(scenario) if scenario.source else _preview_of(scenario.canonical())
    most = max(found.by_type.values(), default=0)
    return Ahead(
        found=found,
        drawing=_drawing(scenario, found),
        types=[
            {"name": name, "count": count, "bar": 100 * count / max(most, 1), "percent": 100 * count / found.total}
            for name, count in found.by_type.items()
        ],
        faults=[
            {"kind": kind, "count": count, "percent": 100 * count / found.total, "fault": FAULTS[kind]}
            for kind, count in sorted(found.by_fault.items(), key=lambda pair: -pair[1])
        ],
        samples=[_sample(event) for event in found.samples],
    )


@lru_cache(maxsize=16)
def _preview_of(canonical: bytes) -> Preview:
    """Cached by document: every new scenario starts from the same one, and forms are posted repeatedly."""
    return preview(check(orjson.loads(canonical)))


def _drawing(scenario: Scenario, found: Preview) -> RateDrawing:
    seconds = found.duration_seconds
    top = _round_up(found.peak_rate)
    points = [(second / seconds * WIDTH, HEIGHT - rate / top * HEIGHT) for second, rate in found.rate]
    windows = [
        (fault.from_seconds, min(fault.end, seconds), f"{fault.kind} from {fault.from_seconds:g} s")
        for fault in scenario.faults
        if fault.from_seconds or fault.until_seconds is not None
    ]
    hot = scenario.population.hot_product
    if hot is not None and (hot.from_seconds or hot.until_seconds is not None):
        windows.append((hot.from_seconds, min(hot.end, seconds), "featured product"))
    return RateDrawing(
        line=_points(points),
        area=_points([(0, HEIGHT), *points, (points[-1][0], HEIGHT)]),
        bands=[
            Band(round(start / seconds * WIDTH, 1), round(max((end - start) / seconds * WIDTH, _LEAST_BAND), 1), says)
            for start, end, says in windows
            if start < seconds
        ],
        ticks_y=[top, top / 2, 0],
        ticks_x=[0, seconds / 4, seconds / 2, seconds * 3 / 4, seconds],
        says=f"Peak {found.peak_rate:,.0f} records/s over {seconds:,.0f} s, average {found.mean_rate:,.0f} records/s",
    )


def _round_up(value: float) -> float:
    """The next round number for an axis: 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten."""
    size = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 10.0**-2
    steps = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 20, 50, 100)
    return next((step * size for step in steps if step * size >= value), value)


def _points(corners: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _sample(event: SampleEvent) -> Sample:
    try:
        read = orjson.loads(event.value)
    except orjson.JSONDecodeError:
        return Sample(event, "", event.value)
    kind = read.get("event_type") if isinstance(read, dict) else None
    pretty = orjson.dumps(read, option=orjson.OPT_INDENT_2).decode()
    return Sample(event, str(kind or ""), pretty)


__all__ = ["Ahead", "Band", "RateDrawing", "Sample", "looked_ahead"]
