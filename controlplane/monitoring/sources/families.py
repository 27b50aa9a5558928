"""Creates metric families from plain values.

A value without a meaning has no sample: None (unknown), NaN, the infinities, and everything that is not a number. One
such value in a row must hide neither the other samples nor become a point in a graph.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


def sample_of(value: Any) -> float | None:
    """The value as a sample, or None if there is none to give. Integers beyond 2^53 are rounded."""
    if not isinstance(value, int | float | Decimal):
        return None
    try:
        found = float(value)
    except (OverflowError, ValueError):
        return None
    return found if math.isfinite(found) else None


def gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    """A gauge without labels."""
    family = GaugeMetricFamily(name, text)
    if (sample := sample_of(value)) is not None:
        family.add_metric([], sample)
    return family


def moment(name: str, text: str, at: datetime | None) -> GaugeMetricFamily:
    """A time as seconds since 1970."""
    return gauge(name, text, at.timestamp() if at else None)


# Keys are tuples of label values; Mapping is invariant in its key type.
Labelled = Mapping[Any, float | None]


def gauges(name: str, text: str, labels: tuple[str, ...], values: Labelled) -> GaugeMetricFamily:
    """A gauge with labels; the keys of `values` are label values in the same order."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for named, value in values.items():
        if (sample := sample_of(value)) is not None:
            family.add_metric(named, sample)
    return family


def counters(name: str, text: str, labels: tuple[str, ...], values: Labelled) -> CounterMetricFamily:
    """A counter with labels; its samples are named `<name>_total`."""
    family = CounterMetricFamily(name, text, labels=labels)
    for named, value in values.items():
        if (sample := sample_of(value)) is not None:
            family.add_metric(named, sample)
    return family


def one_of(name: str, text: str, label: str, choices: Iterable[str], chosen: str) -> GaugeMetricFamily:
    """A state set: 1 for the current state, 0 for all others."""
    return gauges(name, text, (label,), {(str(choice),): float(choice == chosen) for choice in choices})
