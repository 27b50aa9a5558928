"""The queue of runs that wait for a slot: the generator executes at most RUNS_AT_ONCE runs at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.leases import WorkState
from controlplane.scenarios.models import ScenarioRun

# A free worker picks up a run within a second. After this time a page reports that none did.
TAKEN_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True)
class Line:
    """The running and the queued runs at this moment.

    `going` are the runs with a slot, oldest first. `places` maps each queued run to its position, 1 being the next. It
    is empty while a slot is free.
    """

    limit: int
    going: list[ScenarioRun]
    places: dict[UUID, int]

    @property
    def waiting(self) -> int:
        """The number of queued runs."""
        return len(self.places)


def line_now() -> Line:
    """The queue according to the rows."""
    going = list(
        ScenarioRun.objects.filter(state=WorkState.RUNNING)
        .select_related("version__scenario")
        .defer("undelivered", "version__document")
        .order_by("started_at", "id")
    )
    waiting: list[UUID] = []
    if len(going) >= settings.RUNS_AT_ONCE:
        waiting = list(_waiting().values_list("pk", flat=True))
    return Line(settings.RUNS_AT_ONCE, going, {pk: number for number, pk in enumerate(waiting, start=1)})


def first_in_line(run_id: UUID) -> UUID:
    """The run that a free worker must execute when it gets a request for `run_id`: the one that has waited longest.

    Requests reach the workers only roughly in order, and are repeated while runs wait. This keeps the order of the
    queue that pages show. A run that was started before, or that waits for Kafka, is executed as requested.
    """
    fresh = Q(attempts=0)
    asked = _waiting().filter(fresh, pk=run_id).first()
    if asked is None:
        return run_id
    first = _waiting().filter(fresh).values_list("pk", flat=True).first()
    return first or run_id


def execute_in_turn(run_id: UUID, execute: Callable[[UUID], bool]) -> None:
    """Execute the run whose turn it is or, where another worker has taken that one, the run that was asked for.

    Args:
        execute: takes a run and sees it to its end; gives whether it was taken.
    """
    first = first_in_line(run_id)
    if not execute(first) and first != run_id:
        execute(run_id)


def not_taken(run: ScenarioRun) -> bool:
    """Whether it has waited longer than a free worker needs to pick it up."""
    return run.state == WorkState.WAITING and timezone.now() - run.requested_at > TAKEN_WITHIN


def _waiting() -> QuerySet[ScenarioRun]:
    return ScenarioRun.objects.filter(state=WorkState.WAITING).order_by("requested_at", "id")
