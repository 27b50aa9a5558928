"""The result of a probe: the state of one service."""

from dataclasses import dataclass, field
from typing import Any

from controlplane.health.models import PartState


@dataclass(frozen=True)
class Reading:
    """One check of a service. `summary` is one sentence for users, `detail` is JSON for the pages and the API."""

    state: PartState
    summary: str
    detail: dict[str, Any] = field(default_factory=dict)
