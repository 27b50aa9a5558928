"""Errors of scenario documents and of delivery, with remedies."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem of a document: the field, the error and the remedy."""

    field: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.message} {self.remedy}".strip()


class DocumentError(Exception):
    """The scenario document is invalid; `problems` names every invalid field."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class DeliveryError(Exception):
    """Records can't be delivered to their destination."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class BrokerUnreachableError(DeliveryError):
    """No broker is reachable, or the broker refuses the connection."""


class TopicMissingError(DeliveryError):
    """The broker is reachable but the topic does not exist."""


class PartitionsChangedError(DeliveryError):
    """The number of partitions changed since the run started, so records would go to other partitions."""
