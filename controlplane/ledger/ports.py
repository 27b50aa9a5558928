"""The port of the ledger: row counts of the lake at one point in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

# The key of rows whose records had no `scenario-run` header.
NO_RUN = ""


class LakeCountError(Exception):
    """The lake could not be counted."""


class CountUnreachableError(LakeCountError):
    """Spark does not respond in time."""


@dataclass(frozen=True)
class Counted:
    """Rows: the total, and by scenario run (`NO_RUN` for external rows)."""

    rows: int = 0
    by_run: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Quarantined:
    """Quarantined rows: the total, by reason, and by scenario run and reason."""

    rows: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    by_run: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class GoldCount:
    """A gold table: its rows, the silver snapshot that it was built from (None if not built), revenue by currency."""

    rows: int = 0
    input_snapshot: str | None = None
    revenue: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """The number of offsets of one block of a partition in bronze, and the offset after the last of them.

    Blocks have `spark_jobs.ledger.count.BLOCK` offsets and are numbered from offset 0.
    """

    partition: int
    number: int
    offsets: int
    next_offset: int


@dataclass(frozen=True)
class LakeCounts:
    """Counts at the given snapshots (by table, None for a table without one). Revenue is a decimal by currency.

    `copies` are repeated bronze rows of the same record; they are also counted as duplicates. `pending` rows are in
    bronze but newer than silver's input. `duplicates` and `unaccounted` are bronze rows neither in silver nor in
    quarantine: a duplicate's event is in silver under another offset, an unaccounted row's is not. `blocks` are the
    offsets of the topic that are in bronze.
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
        """All counts, at snapshots pinned when the count starts.

        Args:
            topic_since: rows ingested before belong to an earlier topic, and are not in `blocks`.

        Raises:
            CountUnreachableError: Spark does not respond within the deadline.
            LakeCountError: Spark reports an error.
        """
