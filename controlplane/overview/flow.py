"""The flow as one picture: stations that hold rows, gates that judge them, and the pipes between them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Pipe:
    """What leads to a station. `state`: flowing, idle, behind, stopped, broken or unknown; `text` is its lag."""

    state: str
    text: str
    why: str = ""


@dataclass(frozen=True)
class Station:
    """One stop of the flow. None stands for what isn't known; `newest` is when its newest data came."""

    key: str
    title: str
    icon: str
    url: str
    state: str
    pipe: Pipe | None = None
    gate: bool = False
    count: float | None = None
    unit: str = ""
    rate: float | None = None
    newest: datetime | None = None
    since: datetime | None = None
    note: str = ""

    @property
    def rated(self) -> bool:
        """Whether it grows at a rate: a gate judges and BI shows, all others take in."""
        return not self.gate and self.key != "bi"
