"""Comparison of two runs, and the report of a run, as plain values for pages and the API."""

from typing import Any

from controlplane.scenarios.models import ScenarioRun

_OUTCOME = (
    "state", "message", "seed", "total", "generated", "acknowledged", "failed", "sent_twice", "rate", "latency_ms",
    "by_type", "errors", "truth", "digest",
)  # fmt: skip
# The maximum number of points of a comparison chart.
_COMPARED_POINTS = 300


def run_report(run: ScenarioRun) -> dict[str, Any]:
    """The full report of a run: its request, its progress and its results."""
    return {
        "id": str(run.pk),
        "scenario": run.version.scenario.slug,
        "name": run.version.scenario.name,
        "version": run.version.number,
        "document": run.version.document,
        "requested_by": run.requested_by_name,
        **{
            name: moment.isoformat() if (moment := getattr(run, name)) else None
            for name in ("requested_at", "started_at", "finished_at", "anchor")
        },
        "seconds": run.seconds,
        "attempts": run.attempts,
        "found": run.found,
        **{name: getattr(run, name) for name in _OUTCOME},
        "digests": run.digests,
        "replay_of": str(run.replay_of_id) if run.replay_of_id else None,
        "replay_matches": run.replay_matches,
        "thresholds": run.thresholds,
        "samples": [
            {
                "at": sample.at.isoformat(), "rate": sample.rate, "target_rate": sample.target_rate,
                "acknowledged": sample.acknowledged, "failed": sample.failed,
                "latency_p50_ms": sample.latency_p50_ms, "latency_p99_ms": sample.latency_p99_ms,
            }
            for sample in run.samples.all()
        ],
    }  # fmt: skip


def runs_compared(first: ScenarioRun, second: ScenarioRun) -> dict[str, Any]:
    """What differs between two runs: {"document": [{"field", "first", "second"}], "outcome": the same, "same_bytes"}.

    `same_bytes` is None while one of them has no digest.
    """
    digests = (first.digest, second.digest)
    documents = [_flat(run.version.document) for run in (first, second)]
    outcomes = [
        _flat({name: getattr(run, name) for name in _OUTCOME} | {"seconds": run.seconds}) for run in (first, second)
    ]
    return {
        "first": str(first.pk),
        "second": str(second.pk),
        "same_bytes": digests[0] == digests[1] if all(digests) else None,
        "document": _differences(*documents),
        "outcome": _differences(*outcomes),
    }


def side_by_side(first: ScenarioRun, second: ScenarioRun) -> list[dict[str, Any]]:
    """All results of both runs: {"field", "first", "second", "differs"}, the most important first."""
    sides = [
        _flat(
            {
                "state": run.state, "records": run.total, "acknowledged": run.acknowledged, "failed": run.failed,
                "re-sent": run.sent_twice, "records per second": round(run.rate, 1),
                "duration (s)": None if run.seconds is None else round(run.seconds, 1),
                "ack latency (ms)": run.latency_ms,
                "by type": run.by_type, "faults": run.truth.get("faults", run.faults), "errors": run.errors,
            }
        )
        for run in (first, second)
    ]  # fmt: skip
    names = [name for name in dict.fromkeys([*sides[0], *sides[1]]) if any(side.get(name) != {} for side in sides)]
    return [
        {
            "field": name,
            "first": _written(sides[0].get(name)),
            "second": _written(sides[1].get(name)),
            "differs": sides[0].get(name) != sides[1].get(name),
        }
        for name in names
    ]


def _written(value: Any) -> str | None:
    return None if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)


def rates_compared(first: ScenarioRun, second: ScenarioRun) -> dict[str, Any]:
    """The rates of both runs by seconds since the start, as chart data; null without a sample."""
    sampled = []
    for run in (first, second):
        start = run.started_at
        sampled.append([((sample.at - start).total_seconds(), sample.rate) for sample in run.samples.all() if start])
    longest = max((second for samples in sampled for second, _ in samples), default=0.0)
    step = max(1, -(-int(longest) // _COMPARED_POINTS))
    series = []
    for name, samples in zip(("first", "second"), sampled, strict=True):
        places: dict[int, list[float]] = {}
        for moment, rate in samples:
            places.setdefault(int(moment) // step, []).append(rate)
        points = [
            [str(place * step), round(sum(found) / len(found), 1) if (found := places.get(place)) else None]
            for place in range(int(longest) // step + 1)
        ]
        series.append({"name": f"{name} run", "points": points})
    return {"x": "category", "label": "Seconds since the start", "series": series}


def _differences(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"field": name, "first": first.get(name), "second": second.get(name)}
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    ]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of a document by its path, for example `traffic.stages[0].shape`."""
    if isinstance(value, dict) and value:
        parts = [_flat(entry, f"{path}.{key}" if path else key) for key, entry in value.items()]
    elif isinstance(value, list) and value:
        parts = [_flat(entry, f"{path}[{n}]") for n, entry in enumerate(value)]
    else:
        return {path: value}
    return {name: leaf for part in parts for name, leaf in part.items()}
