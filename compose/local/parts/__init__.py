"""The services of an installation: how each is prepared, started, reached and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One supervised program.

    `healthy` gets the start time of the program (seconds since 1970) and returns "" when the service responds, else
    what is still missing, in a few words; it never raises and never waits longer than two seconds. `ports` maps each
    variable to the port that the program listens on. `reads` names the files and folders (code, configuration) whose
    change requires a restart.
    """

    name: str
    title: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    healthy: Callable[[float], str]
    address: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    reads: tuple[Path, ...] = ()
    # As root, the account that the program runs as, and the folders that belong to it; "" and none otherwise.
    user: str = ""
    owned: tuple[Path, ...] = ()
    stop_signal: str = "TERM"
    stop_group: bool = True
    stop_seconds: int = 15
    start_limit_seconds: int = 240
    # What the running program still has to be told before it can be healthy, such as its accounts; "" when done. It is
    # called at every `make up`, so it must bear repetition.
    provide: Callable[[], str] | None = None
