"""What the page of a run shows: remaining time, thresholds, replays."""

from functools import lru_cache
from typing import Any

import numpy as np

from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.generator.thresholds import METRICS
from controlplane.scenarios.models import ScenarioRun, ScenarioVersion

# From this share of the limit, a value is near the threshold.
_NEAR = 0.8
SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def run_context(run: ScenarioRun) -> dict[str, Any]:
    """For the templates: {"left_seconds", "limits", "replays", "can_repeat", "speeds", "speed_says",
    "latencies"}."""
    ended = not run.under_way
    return {
        "left_seconds": left_seconds(run),
        "limits": limits(run),
        "replays": list(run.replays.all()) if run.pk else [],
        "can_repeat": ended and run.anchor is not None and run.generated > 0,
        "speeds": [(speed, f"{speed:g}", speed == run.speed) for speed in SPEEDS],
        "speed_says": f"{run.speed:.3g}",
        "latencies": [(name, run.latency_ms[name]) for name in ("p50", "p95", "p99", "max") if name in run.latency_ms],
    }


def left_seconds(run: ScenarioRun) -> float | None:
    """The remaining seconds at the current speed; None if unknown: the run is paused, not started or has ended."""
    if not run.under_way or run.paused or run.started_at is None or run.generated >= run.total:
        return None
    schedule = _schedule(run.version_id)
    now, end = (
        float(schedule.due(number, np.zeros(1, np.uint64))[0]) / 1e6 for number in (run.generated, run.total - 1)
    )
    return max(end - now, 0.0) / run.speed + run.behind_seconds


def limits(run: ScenarioRun) -> list[dict[str, Any]]:
    """The document's thresholds with the last value and the status: {"says", "unit", "limit", "for_seconds", "value",
    "standing"}. `standing` is "unknown", "met", "near" or "broken"."""
    found = []
    for state in run.thresholds or _not_measured(run):
        over, under, value = state.get("over"), state.get("under"), state.get("value")
        found.append(
            {
                "says": state["says"],
                "unit": state["unit"],
                "limit": f"over {over:g}" if over is not None else f"under {under:g}",
                "for_seconds": state["for_seconds"],
                "value": value,
                "standing": _standing(value, over, under, crossed=bool(state.get("crossed"))),
            }
        )
    return found


def _not_measured(run: ScenarioRun) -> list[dict[str, Any]]:
    return [
        {**limit.model_dump(), "says": METRICS[limit.metric].says, "unit": METRICS[limit.metric].unit}
        for limit in run.version.content.thresholds
    ]


def _standing(value: float | None, over: float | None, under: float | None, *, crossed: bool) -> str:
    if crossed:
        return "broken"
    if value is None:
        return "unknown"
    near = value >= over * _NEAR if over is not None else under is not None and value * _NEAR <= under
    return "near" if near else "met"


@lru_cache(maxsize=64)
def _schedule(version_id: int) -> Schedule:
    # Versions are immutable, and a live page needs this twice per second.
    return Schedule(ScenarioVersion.objects.get(pk=version_id).content)
