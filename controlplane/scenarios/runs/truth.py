"""The ground truth of a scenario run for other rooms: counts without the events."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunTruth:
    """What one scenario run sent and injected. `injected` is the expected number of quarantine rows by reason.

    `sent_twice` records are on the topic once more than acknowledged, because a worker died and another one took over.
    `missing` records count as acknowledged but never reached the topic.
    """

    run_id: str
    name: str
    in_progress: bool
    generated: int
    acknowledged: int
    failed: int
    injected: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    sent_twice: int = 0
    missing: int = 0

    @property
    def on_topic(self) -> int:
        """The records of this run that must be on the topic."""
        return self.acknowledged + self.sent_twice - self.missing
