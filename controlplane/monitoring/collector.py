"""The control plane's own figures for Prometheus: rows, read at each scrape, beside what this process counts itself."""

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
# Each gives its figures from rows (or, the last two, from elsewhere); one that fails takes no other with it.
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
    """Asks every source, and tells which of them could not say anything and how long each took."""

    def collect(self) -> Iterator[Metric]:
        success = GaugeMetricFamily(
            "lakehouse_source_success", "Whether these figures could be read at this scrape.", labels=["source"]
        )
        took = GaugeMetricFamily(
            "lakehouse_source_duration_seconds", "How long reading them took.", labels=["source"], unit="seconds"
        )
        has_database = database_answers()
        for name, source in {**WITH_DATABASE, **WITHOUT_DATABASE}.items():
            began = time.perf_counter()
            found: list[Metric] = []
            works = has_database or name in WITHOUT_DATABASE
            if works:
                try:
                    found = list(source())
                except Exception as error:  # one dead source must not hide the others
                    works = False
                    log.warning("the figures of %s can't be read: %s", name, error)
            yield from found
            success.add_metric([name], float(works))
            took.add_metric([name], time.perf_counter() - began)
        yield success
        yield took


def registry() -> CollectorRegistry:
    """Everything that `/metrics` tells: made once a process."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    GCCollector(registry=made)
    made.register(ControlPlaneCollector())
    return made


REGISTRY = registry()
