"""Progress and outcome of a run."""

import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

_RATE_WINDOW_SECONDS = 5.0


@dataclass
class Progress:
    """The progress of a run. `generated` = `acknowledged` + `failed` + records in flight.

    `rate` is acknowledged records per second over the last seconds. `target_rate` is the current rate of the document
    times the speed (0 without pacing). `found` records were already on the topic when the run was restarted.
    `acknowledged` includes dropped records, which only count as sent. `behind_seconds` is the delay of the next record.
    `latency_ms` is the acknowledgement latency: {"p50", "p95", "p99", "max"}. `ahead` is true while the run is
    throttled, because its events would be in the future.
    """

    total: int
    generated: int = 0
    acknowledged: int = 0
    failed: int = 0
    found: int = 0
    rate: float = 0.0
    target_rate: float = 0.0
    elapsed_seconds: float = 0.0
    behind_seconds: float = 0.0
    paused: bool = False
    ahead: bool = False
    by_type: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass
class Outcome:
    """The outcome of a run. `truth` is `faults.Truth` as plain values; `failed` are the numbers of the undelivered
    records; `digest` is over all partitions, `digests` over each."""

    progress: Progress
    stopped: bool
    digest: str
    digests: list[str]
    truth: dict[str, Any]
    failed: list[int] = field(default_factory=list)


class Meter:
    """Acknowledged records per second over the last seconds."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def rate(self, acknowledged: int) -> float:
        """The rate for the current number of acknowledged records."""
        now = time.monotonic()
        self._recent.append((now, acknowledged))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW_SECONDS:
            self._recent.popleft()
        since, before = self._recent[0]
        return (acknowledged - before) / max(now - since, 1e-3)
