"""When a run stops by itself: metrics of the sender and of the pipeline behind it, held against a document's limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from controlplane.scenarios.generator.progress import Progress


@dataclass(frozen=True)
class Metric:
    """Something that is measured while a run goes on. `downstream` ones are measured behind the topic."""

    says: str
    unit: str
    downstream: bool = False


METRICS: dict[str, Metric] = {
    "failed_percent": Metric("Records that were not delivered", "%"),
    "rate_reached_percent": Metric("Rate reached, of the rate asked for", "%"),
    "latency_p99_ms": Metric("99 % of the records were acknowledged within", "ms"),
    "bronze_lag_records": Metric("Records on the topic that bronze lacks", "records", downstream=True),
    "bronze_lag_seconds": Metric("Age of the oldest record that bronze lacks", "s", downstream=True),
    "quarantine_percent": Metric("Records that silver rejected, of all it has judged", "%", downstream=True),
}


# Before that, a rate says nothing.
WARM_UP_SECONDS = 5.0


def measured(progress: Progress) -> dict[str, float | None]:
    """The sender's metrics; None is unknown."""
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
    def metric(self) -> str: ...
    @property
    def over(self) -> float | None: ...
    @property
    def under(self) -> float | None: ...
    @property
    def for_seconds(self) -> float: ...


@dataclass
class _Watch:
    limit: Limit
    value: float | None = None
    since: float | None = None
    crossed: bool = False


class Watcher:
    """Holds measured values against limits. An unknown value (None) crosses nothing and forgets nothing."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._watches = [_Watch(limit) for limit in limits]

    def look(self, values: Mapping[str, float | None], now: float) -> str | None:
        """Take new values in at that second; gives the reason to stop, or None."""
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
        """Each limit with its last value, for those who look on: {"metric", "says", "unit", "over", "under",
        "for_seconds", "value", "crossed"}."""
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
    """Why a run was stopped, in a sentence."""
    metric = METRICS[limit.metric]
    side, bound = ("over", limit.over) if limit.over is not None else ("under", limit.under)
    lasted = f" for {limit.for_seconds:g} s" if limit.for_seconds else ""
    return f"{metric.says}: {value:,.4g} {metric.unit}, {side} the limit of {bound:,.4g} {metric.unit}{lasted}."


def _crosses(limit: Limit, value: float) -> bool:
    if limit.over is not None:
        return value > limit.over
    return limit.under is not None and value < limit.under
