"""The figures of a run in its row."""

from typing import Any

import numpy as np

from controlplane.scenarios.generator.counting import Delivered
from controlplane.scenarios.generator.faultlog import packed, unpacked
from controlplane.scenarios.generator.progress import Progress
from controlplane.scenarios.models import ScenarioRun

_FIGURES = (
    "total", "generated", "acknowledged", "failed", "found", "rate", "target_rate", "behind_seconds", "ahead",
    "by_type", "faults", "errors", "latency_ms",
)  # fmt: skip


def run_figures(progress: Progress) -> dict[str, Any]:
    """The values of the row for a run's progress."""
    return {name: getattr(progress, name) for name in _FIGURES}


def packed_numbers(numbers: list[int]) -> bytes | None:
    """Ascending record numbers in compressed form; None for an empty list."""
    return packed(np.array(numbers, np.int64), np.zeros(len(numbers), np.int64)) if numbers else None


def delivered_before(run: ScenarioRun) -> list[Delivered]:
    """The records that earlier runs with the same events delivered: the original and its other replays."""
    if run.replay_of_id is None:
        return []
    family = ScenarioRun.objects.filter(pk=run.replay_of_id) | ScenarioRun.objects.filter(replay_of=run.replay_of_id)
    rows = family.exclude(pk=run.pk).filter(finished_at__isnull=False, requested_at__lt=run.requested_at)
    return [
        Delivered(
            end=row.generated,
            failed=np.array([number for number, _ in unpacked(bytes(row.undelivered))], np.int64)
            if row.undelivered
            else np.empty(0, np.int64),
        )
        for row in rows
    ]
