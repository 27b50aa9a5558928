"""Abort thresholds: metrics of the producer and of the downstream pipeline, compared with the limits of a document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from controlplane.scenarios.generator.progress import Progress


@dataclass(frozen=True)
class Metric:
    """A metric that is measured during a run. `downstream` metrics are measured after the topic."""

    says: str
    unit: str
    downstream: bool = False


METRICS: dict[str, Metric] = {
    "failed_percent": Metric("Failed deliveries", "%"),
    "rate_reached_percent": Metric("Achieved share of the target rate", "%"),
    "latency_p99_ms": Metric("Ack latency p99", "ms"),
    "bronze_lag_records": Metric("Bronze lag", "records", downstream=True),
    "bronze_lag_seconds": Metric("Age of the oldest record not yet in bronze", "s", downstream=True),
    "quarantine_percent": Metric("Quarantined share of the records validated by silver", "%", downstream=True),
}


# A rate is not meaningful before that.
WARM_UP_SECONDS = 5.0


def measured(progress: Progress) -> dict[str, float | None]:
    """The metrics of the producer; None is unknown."""
    warm = progress.elapsed_seconds > WARM_UP_SECONDS and not progress.ahead
    asked = progress.target_rate if warm else 0.0
    return {
        "failed_percent": 100 * progress.failed / progress.generated if progress.generated else None,
        "rate_reached_percent": 100 * progress.rate / asked if asked else None,
        "latency_p99_ms": progress.latency_ms.get("p99"),
    }


class Limit(Protocol):
    """A threshold of a document."""

    @property
    def metric(self) -> str:
        """The name of the metric, one of `METRICS`."""

    @property
    def over(self) -> float | None:
        """The value above which the threshold is exceeded; None for no upper bound."""

    @property
    def under(self) -> float | None:
        """The value below which the threshold is exceeded; None for no lower bound."""

    @property
    def for_seconds(self) -> float:
        """How long the metric must be beyond the bound, in seconds."""


@dataclass
class _Watch:
    limit: Limit
    value: float | None = None
    since: float | None = None
    crossed: bool = False


class Watcher:
    """Compares measured values with limits. An unknown value (None) neither breaches nor resets a limit."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._watches = [_Watch(limit) for limit in limits]

    def look(self, values: Mapping[str, float | None], now: float) -> str | None:
        """Process the values at that second. Return the reason to stop the run, or None."""
        reason = None
        for watch in self._watches:
            value = values.get(watch.limit.metric)
            if value is None:
                continue
            watch.value = value
            if not _crosses(watch.limit, value):
                watch.since = None
                continue
            watch.since = now if watch.since is None else watch.since
            if now - watch.since >= watch.limit.for_seconds:
                watch.crossed = True
                reason = reason or describe(watch.limit, value)
        return reason

    def states(self) -> list[dict[str, object]]:
        """Each limit with its last value, for display: {"metric", "says", "unit", "over", "under", "for_seconds",
        "value", "crossed"}."""
        return [
            {
                "metric": watch.limit.metric,
                "says": METRICS[watch.limit.metric].says,
                "unit": METRICS[watch.limit.metric].unit,
                "over": watch.limit.over,
                "under": watch.limit.under,
                "for_seconds": watch.limit.for_seconds,
                "value": watch.value,
                "crossed": watch.crossed,
            }
            for watch in self._watches
        ]


def describe(limit: Limit, value: float) -> str:
    """The reason why a run was aborted, in one sentence."""
    metric = METRICS[limit.metric]
    side, bound = ("over", limit.over) if limit.over is not None else ("under", limit.under)
    lasted = f" for {limit.for_seconds:g} s" if limit.for_seconds else ""
    unit = metric.unit if metric.unit == "%" else f" {metric.unit}"
    return f"{metric.says}: {value:,.4g}{unit}, {side} the threshold of {bound:,.4g}{unit}{lasted}."


def _crosses(limit: Limit, value: float) -> bool:
    if limit.over is not None:
        return value > limit.over
    return limit.under is not None and value < limit.under
