"""What is asked when a page is made: is the broker there, and what does the supervisor say of the processes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class BrokerUnreachableError(Exception):
    """The broker of the background work doesn't answer; the text says how."""


class SupervisorUnreachableError(Exception):
    """The processes are supervised, but the supervisor doesn't answer; the text says how."""


@dataclass(frozen=True)
class BrokerNow:
    """What an answering broker says of itself. `memory_bytes` is resident."""

    version: str
    memory_bytes: int


@dataclass(frozen=True)
class Process:
    """One supervised program. `started_at` and `stopped_at` are of its last start and end, `said` is why it fails."""

    name: str
    running: bool
    starting: bool
    started_at: datetime | None
    stopped_at: datetime | None
    exit_status: int
    said: str


class Broker(Protocol):
    def ask(self) -> BrokerNow:
        """What the broker says, within a third of a second.

        Raises:
            BrokerUnreachableError: it says nothing.
        """


class ProcessSupervisor(Protocol):
    def processes(self) -> dict[str, Process]:
        """Every supervised program by name, within a third of a second; empty where nothing is supervised.

        Raises:
            SupervisorUnreachableError: it says nothing.
        """
