"""The data flow: stages that hold rows, quality gates that validate them, and the links between them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StageLink:
    """The link into a stage. `state`: flowing, idle, behind, stopped, broken or unknown; `text` is its lag."""

    state: str
    text: str
    why: str = ""


@dataclass(frozen=True)
class Stage:
    """One stage of the flow. None means unknown; `newest` is the time of its newest data."""

    key: str
    title: str
    icon: str
    url: str
    state: str
    pipe: StageLink | None = None
    gate: bool = False
    count: float | None = None
    unit: str = ""
    rate: float | None = None
    newest: datetime | None = None
    since: datetime | None = None
    note: str = ""

    @property
    def rated(self) -> bool:
        """Whether the stage has a rate. Gates and BI take in no rows."""
        return not self.gate and self.key != "bi"
