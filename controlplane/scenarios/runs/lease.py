"""The lease of a run: a worker writes to the row only while it holds the run."""

import time
from typing import Any
from uuid import UUID

import numpy as np
from django.db import InterfaceError, OperationalError, connection

from controlplane.scenarios.generator.counting import Delivered
from controlplane.scenarios.generator.faultlog import packed, unpacked
from controlplane.scenarios.generator.progress import Progress
from controlplane.scenarios.models import ScenarioRun

_DATABASE_PATIENCE_SECONDS = 600.0
_FIGURES = (
    "total", "generated", "acknowledged", "failed", "found", "rate", "target_rate", "behind_seconds", "ahead",
    "by_type", "faults", "errors", "latency_ms",
)  # fmt: skip


class RunLostError(Exception):
    """Another worker holds the run now."""


def run_write(run_id: UUID, holder: UUID, values: dict[str, Any]) -> None:
    """Write to the row while this worker holds the run. Retries for up to ten minutes during a database outage.

    Raises:
        RunLostError: another worker holds the run.
    """
    until = time.monotonic() + _DATABASE_PATIENCE_SECONDS
    while True:
        try:
            changed = ScenarioRun.objects.filter(pk=run_id, holder=holder).update(**values)
            break
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(1)
    if not changed:
        raise RunLostError(str(run_id))


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
