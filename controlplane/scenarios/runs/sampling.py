"""Samples of a run's rates for its charts: every second at first, with a bounded number of points."""

import time
from dataclasses import dataclass, field

from django.utils import timezone

from controlplane.scenarios.generator.progress import Progress
from controlplane.scenarios.models import ScenarioRun, ScenarioRunSample

# At twice this number, every other sample is deleted and the interval doubles.
SAMPLES = 600


@dataclass
class Sampler:
    """Writes a run's samples."""

    run: ScenarioRun
    every: float = 1.0
    _sampled: float = field(default=0.0, init=False)
    _count: int | None = field(default=None, init=False)

    def sample(self, progress: Progress) -> None:
        """Write a sample when due."""
        now = time.monotonic()
        # Slightly early is better than late: progress is reported twice per second.
        if now - self._sampled < self.every - 0.25:
            return
        self._sampled = now
        if self._count is None:
            self._count = self.run.samples.count()
        ScenarioRunSample.objects.create(
            run=self.run,
            at=timezone.now(),
            rate=progress.rate,
            target_rate=progress.target_rate,
            acknowledged=progress.acknowledged,
            failed=progress.failed,
            latency_p50_ms=progress.latency_ms.get("p50"),
            latency_p99_ms=progress.latency_ms.get("p99"),
        )
        self._count += 1
        if self._count >= 2 * SAMPLES:
            ids = list(self.run.samples.order_by("at", "pk").values_list("pk", flat=True))
            self.run.samples.filter(pk__in=ids[1::2]).delete()
            self.every *= 2
            self._count = len(ids[::2])
