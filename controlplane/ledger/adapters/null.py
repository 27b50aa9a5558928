"""A lake counter with fixed counts, for unit tests and for an installation without Spark."""

from datetime import datetime

from controlplane.ledger.ports import CountUnreachableError, LakeCounts


class NullLakeCounter:
    """`unreachable` makes it behave like one whose Spark is down."""

    def __init__(self, counts: LakeCounts) -> None:
        self.counts = counts
        self.unreachable = ""
        self.asked = 0

    def count(self, topic_since: datetime | None) -> LakeCounts:
        self.asked += 1
        if self.unreachable:
            raise CountUnreachableError(self.unreachable)
        return self.counts
