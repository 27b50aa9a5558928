"""The control plane's metrics for Prometheus: from rows, read at each scrape, and from counters of this process."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from controlplane.monitoring.sources import disks, generator, lake, ledger, parts, quality, runs, stream, work
from controlplane.web.database import database_answers

log = logging.getLogger(__name__)

Source = Callable[[], Iterable[Metric]]
# The sources of metrics: most read rows, the last two do not need the database. A failing source affects no other.
WITH_DATABASE: dict[str, Source] = {
    "stream": stream.figures,
    "lake": lake.figures,
    "runs": runs.figures,
    "quality": quality.figures,
    "ledger": ledger.figures,
    "generator": generator.figures,
    "parts": parts.figures,
}
WITHOUT_DATABASE: dict[str, Source] = {"work": work.figures, "disks": disks.figures}


class ControlPlaneCollector(Collector):
    """Collects every source, and reports the success and duration of each."""

    def collect(self) -> Iterator[Metric]:
        """The metrics of all sources. A source that fails has no samples and a `lakehouse_source_success` of 0."""
        success = GaugeMetricFamily(
            "lakehouse_source_success",
            "Whether the metrics of this source could be collected in this scrape.",
            labels=["source"],
        )
        took = GaugeMetricFamily(
            "lakehouse_source_duration_seconds",
            "Duration of collecting the metrics of this source.",
            labels=["source"],
            unit="seconds",
        )
        has_database = database_answers()
        for name, source in {**WITH_DATABASE, **WITHOUT_DATABASE}.items():
            began = time.perf_counter()
            found: list[Metric] = []
            works = has_database or name in WITHOUT_DATABASE
            if works:
                try:
                    found = list(source())
                except Exception as error:  # a failing source must not affect the others
                    works = False
                    log.warning("the metrics of %s can't be collected: %s", name, error)
            yield from found
            success.add_metric([name], float(works))
            took.add_metric([name], time.perf_counter() - began)
        yield success
        yield took


def registry() -> CollectorRegistry:
    """The registry behind `/metrics`; created once per process."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    GCCollector(registry=made)
    made.register(ControlPlaneCollector())
    return made


REGISTRY = registry()
