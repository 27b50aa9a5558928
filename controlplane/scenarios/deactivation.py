"""What ends here when a person is deactivated: their schedules are paused, and their runs that have not begun stop.

A run that is under way goes on: what it has sent is in the topic, and an operator can stop it.
"""

from typing import Any

from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.signals import person_deactivated
from controlplane.scenarios.models import RunState, ScenarioRun
from controlplane.scenarios.schedules.services import schedules_pause_of


def runs_stop_of(person: User) -> int:
    """Stop the runs that a person requested and that have not begun; gives how many."""
    who = person.get_username()
    waiting = ScenarioRun.objects.select_for_update().filter(
        requested_by=person, state=RunState.WAITING, started_at=None
    )
    ids = list(waiting.values_list("pk", flat=True))
    now = timezone.now()
    return ScenarioRun.objects.filter(pk__in=ids).update(
        state=RunState.STOPPED,
        finished_at=now,
        stop_requested_at=now,
        message=f"Stopped before it began: {who}, who requested it, was deactivated.",
    )


def _ended(*, person: User, **_: Any) -> dict[str, int]:
    # Schedules first: one that starts a run at this moment has done so when its row is free.
    return {"schedules_paused": schedules_pause_of(person), "queued_runs_stopped": runs_stop_of(person)}


def listen() -> None:
    """Have it happen with each deactivation."""
    person_deactivated.connect(_ended, dispatch_uid="scenarios")
