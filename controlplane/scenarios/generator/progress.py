"""How a run goes and how it ended, for those who look on."""

import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

_RATE_WINDOW_SECONDS = 5.0


@dataclass
class Progress:
    """How far a run is. `generated` = `acknowledged` + `failed` + what is under way.

    `rate` is what was acknowledged a second over the last seconds, `target_rate` what the document asks for now, times
    the speed (0 when it is not paced). `found` records were in the topic already when the run was taken up again.
    `acknowledged` counts what was only believed to be sent, too. `behind_seconds` is how late the next record is;
    `latency_ms` says how long acknowledgements took: {"p50", "p95", "p99", "max"}. `ahead` is true while the run is
    held back, because its events would be of the future.
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
    """How a run ended. `truth` is that of `faults.Truth`; `failed` are the numbers of the records that were not
    delivered; `digest` is over all partitions, `digests` over each."""

    progress: Progress
    stopped: bool
    digest: str
    digests: list[str]
    truth: dict[str, Any]
    failed: list[int] = field(default_factory=list)


class Meter:
    """Acknowledged records a second over the last seconds."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def rate(self, acknowledged: int) -> float:
        """The rate, given how many there are now."""
        now = time.monotonic()
        self._recent.append((now, acknowledged))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW_SECONDS:
            self._recent.popleft()
        since, before = self._recent[0]
        return (acknowledged - before) / max(now - since, 1e-3)
