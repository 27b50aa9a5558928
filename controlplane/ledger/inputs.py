"""The inputs of the ledger, and the check that compares two counts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from controlplane.ledger.ports import LakeCounts
from controlplane.scenarios.runs.truth import RunTruth


@dataclass(frozen=True)
class Side:
    """One side of a check: what was counted, and the value. None is unknown; money is a decimal as text."""

    name: str
    value: int | str | None


@dataclass(frozen=True)
class Line:
    """A check: two numbers that must be equal. `holds` is None while the result is unknown, and `note` says why.

    `unit` is the currency of money, empty for a count of records.
    """

    key: str
    title: str
    left: Side
    right: Side
    difference: int | str | None
    holds: bool | None
    note: str = ""
    unit: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields as they are stored in the ledger's document."""
        return asdict(self)


@dataclass(frozen=True)
class LedgerInputs:
    """All inputs of a statement. `topic_records` counts every record ever written to the topic.

    `earlier_records` of these were on an earlier topic, which was replaced by a restore of the installation or by
    deleting and recreating the topic. `ahead` are not in bronze yet; None means all that bronze lacks. `held` offsets
    are behind open transactions, and `estimated` offsets were counted as records without reading them. `left_out`
    are runs that lost `lost_records` records with a topic: their remaining records count as external.
    """

    runs: Sequence[RunTruth]
    topic_records: int | None
    lake: LakeCounts | None
    topic_problem: str = ""
    lake_problem: str = ""
    earlier_records: int = 0
    ahead: int | None = None
    held: int = 0
    estimated: int = 0
    left_out: Sequence[RunTruth] = ()
    lost_records: int = 0

    @property
    def known(self) -> set[str]:
        """The ids of all known runs."""
        return {run.run_id for run in self.runs}

    @property
    def from_elsewhere(self) -> int:
        """Records in bronze that no known run sent."""
        if self.lake is None:
            return 0
        known, copies = self.known, self.lake.copies.by_run
        return sum(rows - copies.get(run, 0) for run, rows in self.lake.bronze.by_run.items() if run not in known)

    @property
    def missing(self) -> int | None:
        """Records on the topic that are not in bronze, whether pending or lost."""
        if self.lake is None or self.topic_records is None:
            return None
        return self.topic_records + self.lake.copies.rows - self.lake.bronze.rows

    @property
    def on_the_way(self) -> int | None:
        """Records on the topic after the newest record in bronze."""
        return self.missing if self.ahead is None or self.missing is None else self.ahead


def balanced(found: Sequence[Line]) -> bool:
    """Whether every check is balanced. A check without a result is not."""
    return all(line.holds is True for line in found)


def compare(
    key: str, title: str, left: Side, right: Side, *, waiting: str = "", unknown: str = "", unit: str = ""
) -> Line:
    """A check of two counts.

    `waiting` says what may still change the difference, `unknown` why the result is unknown.
    """
    if unknown or left.value is None or right.value is None:
        return Line(key, title, left, right, None, None, unknown or "Unknown.", unit)
    difference: int | str
    if isinstance(left.value, int) and isinstance(right.value, int):
        difference = left.value - right.value
        same = difference == 0
    else:
        exact = Decimal(left.value) - Decimal(right.value)
        difference, same = str(exact), exact == 0
    if waiting:
        return Line(key, title, left, right, difference, None, waiting, unit)
    return Line(key, title, left, right, difference, same, "", unit)
