"""The line of runs that wait for a free place: the generator's workers do so many at once (RUNS_AT_ONCE), no more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.scenarios.models import RunState, ScenarioRun

# A free worker takes a run within a second; after this long a page says that none did.
TAKEN_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True)
class Line:
    """Who goes on and who waits at this moment.

    `going` are the runs that have a place, the oldest first; `places` says of those that wait, in their order, which
    one each is: 1 is the next. It is empty as long as a place is free.
    """

    limit: int
    going: list[ScenarioRun]
    places: dict[UUID, int]

    @property
    def waiting(self) -> int:
        """How many wait for a free place."""
        return len(self.places)


def line_now() -> Line:
    """The line as the rows have it."""
    going = list(
        ScenarioRun.objects.filter(state=RunState.RUNNING)
        .select_related("version__scenario")
        .defer("undelivered", "version__document")
        .order_by("started_at", "id")
    )
    waiting: list[UUID] = []
    if len(going) >= settings.RUNS_AT_ONCE:
        waiting = list(_waiting().values_list("pk", flat=True))
    return Line(settings.RUNS_AT_ONCE, going, {pk: number for number, pk in enumerate(waiting, start=1)})


def first_in_line(run_id: UUID) -> UUID:
    """Whose turn it is when a worker is free and was asked for this run: the one that has waited longest.

    Requests reach the workers in about the order in which they were made, and are made again while they wait; this
    keeps the line that people see. A run that was begun before, or that waits for Kafka, is taken as it is asked for.
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
    """Whether it has waited for longer than a free worker takes."""
    return run.state == RunState.WAITING and timezone.now() - run.requested_at > TAKEN_WITHIN


def _waiting() -> QuerySet[ScenarioRun]:
    return ScenarioRun.objects.filter(state=RunState.WAITING).order_by("requested_at", "id")
