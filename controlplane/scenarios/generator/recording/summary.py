"""The summary of an imported recording."""

from dataclasses import asdict, dataclass, field
from typing import Any

from controlplane.scenarios.generator.document import Figures


@dataclass(frozen=True)
class Summary:
    """The summary of an imported recording. `rows` is the number of events, `read` the number of rows in the file;
    `left_out` counts the skipped rows by invalid field. Times are microseconds since 1970."""

    rows: int
    read: int
    first_us: int
    last_us: int
    types: dict[str, int]
    profile: list[int]
    in_order: bool
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def figures(self) -> Figures:
        """The figures for a document."""
        return Figures(rows=self.rows, length_us=self.last_us - self.first_us, types=self.types, profile=self.profile)
