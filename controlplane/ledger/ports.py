"""What the ledger needs from the lake: its rows, counted at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

# The key of rows that no scenario run sent: their records had no `scenario-run` header.
NO_RUN = ""


class LakeCountError(Exception):
    """The lake could not be counted."""


class CountUnreachableError(LakeCountError):
    """Spark doesn't answer, or not in time."""


@dataclass(frozen=True)
class Counted:
    """Rows, all and by scenario run (`NO_RUN` for those from elsewhere)."""

    rows: int = 0
    by_run: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Quarantined:
    """Rejected rows: all, by reason, and by scenario run and reason."""

    rows: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    by_run: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class GoldCount:
    """A gold table: its rows, the snapshot of silver it was built from (None before), revenue by currency."""

    rows: int = 0
    input_snapshot: str | None = None
    revenue: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """How many offsets of one block of a partition bronze has, and the offset after the last of them.

    Blocks are of `spark_jobs.ledger.count.BLOCK` offsets, numbered from offset 0.
    """

    partition: int
    number: int
    offsets: int
    next_offset: int


@dataclass(frozen=True)
class LakeCounts:
    """The lake at the snapshots named (by table, None for one without). Revenue is decimal money by currency.

    `copies` are bronze rows of records that it has once already; they are among the duplicates, too.
    `pending` is in bronze but newer than silver's input; `duplicates` and `unaccounted` are bronze rows neither
    in silver nor in quarantine: the first with their event in silver under another offset, the second without.
    `blocks` are the offsets of the topic that bronze has.
    """

    counted_at: datetime
    snapshots: Mapping[str, str | None] = field(default_factory=dict)
    bronze: Counted = Counted()
    blocks: Sequence[Block] = ()
    copies: Counted = Counted()
    pending: Counted = Counted()
    silver: Counted = Counted()
    silver_revenue: Mapping[str, Decimal] = field(default_factory=dict)
    silver_published: str | None = None
    quarantine: Quarantined = Quarantined()
    duplicates: Counted = Counted()
    unaccounted: Counted = Counted()
    gold: Mapping[str, GoldCount] = field(default_factory=dict)


class LakeCounter(Protocol):
    """Counts the lake."""

    def count(self, topic_since: datetime | None) -> LakeCounts:
        """All counts, at snapshots pinned when it starts.

        Args:
            topic_since: what bronze took in before is of an earlier topic, and not among the `blocks`.

        Raises:
            CountUnreachableError: Spark doesn't answer, or not within the deadline.
            LakeCountError: Spark says that it can't.
        """
