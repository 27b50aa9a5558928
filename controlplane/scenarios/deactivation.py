"""Deactivating a user pauses their schedules and stops their runs that have not started.

A running run continues: its records are on the topic, and an operator can stop it.
"""

from typing import Any

from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.signals import person_deactivated
from controlplane.leases import WorkState
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.schedules.services import schedules_pause_of


def runs_stop_of(person: User) -> int:
    """Stop the queued runs that a user requested. Return their number."""
    who = person.get_username()
    waiting = ScenarioRun.objects.select_for_update().filter(
        requested_by=person, state=WorkState.WAITING, started_at=None
    )
    ids = list(waiting.values_list("pk", flat=True))
    now = timezone.now()
    return ScenarioRun.objects.filter(pk__in=ids).update(
        state=WorkState.STOPPED,
        finished_at=now,
        stop_requested_at=now,
        message=f"Stopped before it started: {who}, who requested it, was deactivated.",
    )


def _ended(*, person: User, **_: Any) -> dict[str, int]:
    # Schedules first: a schedule that is starting a run has finished when its row is unlocked.
    return {"schedules_paused": schedules_pause_of(person), "queued_runs_stopped": runs_stop_of(person)}


def listen() -> None:
    """Connect to the deactivation signal."""
    person_deactivated.connect(_ended, dispatch_uid="scenarios")
