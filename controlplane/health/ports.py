"""What a page checks while it is rendered: the broker, and the processes of the supervisor."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class BrokerUnreachableError(Exception):
    """The broker of the background tasks does not answer; the text gives the reason."""


class SupervisorUnreachableError(Exception):
    """The processes are supervised, but the supervisor does not answer; the text gives the reason."""


@dataclass(frozen=True)
class BrokerNow:
    """The server's name and version, e.g. Valkey 9.1.2, and its resident memory."""

    name: str
    version: str
    memory_bytes: int


@dataclass(frozen=True)
class Process:
    """One supervised program. `started_at` and `stopped_at` are its last start and end; `said` is why it fails."""

    name: str
    running: bool
    starting: bool
    started_at: datetime | None
    stopped_at: datetime | None
    exit_status: int
    said: str


class Broker(Protocol):
    """The message broker of the background tasks."""

    def ask(self) -> BrokerNow:
        """Query the broker, within a third of a second.

        Raises:
            BrokerUnreachableError: it does not answer.
        """


class ProcessSupervisor(Protocol):
    """The supervisor of the installation's processes."""

    def processes(self) -> dict[str, Process]:
        """Every supervised program by name, within a third of a second; empty where nothing is supervised.

        Raises:
            SupervisorUnreachableError: it does not answer.
        """
