"""What is known of a recording under a mapping."""

from dataclasses import asdict, dataclass, field
from typing import Any

from controlplane.scenarios.generator.document import Figures


@dataclass(frozen=True)
class Summary:
    """What is known of a recording under a mapping. `rows` are events, `read` the file's rows; `left_out` counts those
    that are no events by field. Times are microseconds since 1970."""

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
        """What a document says of it."""
        return Figures(rows=self.rows, length_us=self.last_us - self.first_us, types=self.types, profile=self.profile)
