"""What a probe gives back: the state of one part at this moment."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.health.models import PartState


@dataclass(frozen=True)
class Reading:
    """One look at a part. `summary` is one sentence for people, `detail` is JSON for the pages and the API."""

    state: PartState
    summary: str
    detail: dict[str, Any] = field(default_factory=dict)
