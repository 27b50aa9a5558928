"""The port for the counts of Celery tasks: workers add to them, the web application exports them."""

from dataclasses import dataclass, field
from typing import Protocol


class TaskCountsUnreachableError(Exception):
    """The counts are unavailable; the text says why."""


@dataclass(frozen=True)
class TaskCounts:
    """`ended` are tasks by (name, outcome), `seconds` their running time by name, `waiting` messages by queue."""

    ended: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)


class TaskCounter(Protocol):
    """Counts tasks over all workers.

    Raises:
        TaskCountsUnreachableError: from both methods, within a third of a second.
    """

    def add(self, task: str, outcome: str, seconds: float) -> None:
        """Count one finished task with its outcome and duration."""

    def read(self, queues: tuple[str, ...]) -> TaskCounts:
        """All counts since the broker was set up, and the number of waiting messages in these queues."""
