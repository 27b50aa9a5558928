"""What can be wrong with a scenario or on its way, said so that a person can mend it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a document: where, what, and what to do about it."""

    field: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.message} {self.remedy}".strip()


class DocumentError(Exception):
    """A scenario document can't be used; `problems` names every field that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class DeliveryError(Exception):
    """Records can't be taken where they should go."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class BrokerUnreachableError(DeliveryError):
    """No broker answered."""


class TopicMissingError(DeliveryError):
    """The broker answered, and has no such topic."""


class PartitionsChangedError(DeliveryError):
    """The topic no longer has the partitions that the run began with, so the records would go elsewhere."""
