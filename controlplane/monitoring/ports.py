"""Where the counts of Celery's tasks are kept: every worker adds to them, the web application tells them."""

from dataclasses import dataclass, field
from typing import Protocol


class TaskCountsUnreachableError(Exception):
    """The counts can't be had now; the text says why."""


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
        """One more task has ended so, after so many seconds."""

    def read(self, queues: tuple[str, ...]) -> TaskCounts:
        """Everything counted since the broker was set up, and how many messages wait in these queues."""
