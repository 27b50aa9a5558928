"""Making metric families of plain values."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


def gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    """One figure without labels; of None, which is unknown, there is no sample."""
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], float(value))
    return family


def moment(name: str, text: str, at: datetime | None) -> GaugeMetricFamily:
    """A moment as seconds since 1970; there is no sample of one that never was."""
    return gauge(name, text, at.timestamp() if at else None)


# By tuples of text; a mapping is strict about the type of its keys.
Labelled = Mapping[Any, float | None]


def gauges(name: str, text: str, labels: tuple[str, ...], values: Labelled) -> GaugeMetricFamily:
    """A figure by labels, from their values in the same order."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for named, value in values.items():
        if value is not None:
            family.add_metric(named, float(value))
    return family


def counters(name: str, text: str, labels: tuple[str, ...], values: Labelled) -> CounterMetricFamily:
    """A count that only grows, by labels; its samples are named `<name>_total`."""
    family = CounterMetricFamily(name, text, labels=labels)
    for named, value in values.items():
        if value is not None:
            family.add_metric(named, float(value))
    return family


def one_of(name: str, text: str, label: str, choices: Iterable[str], chosen: str) -> GaugeMetricFamily:
    """A state: 1 for the one that it is, 0 for all the others."""
    return gauges(name, text, (label,), {(str(choice),): float(choice == chosen) for choice in choices})
