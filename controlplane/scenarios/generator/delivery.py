"""Destinations of records. Every record counts as delivered or failed. See `kafka` for the topic."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.errors import DeliveryError
from controlplane.scenarios.generator.records import Block

Rows = npt.NDArray[np.int64]

Waiting = Callable[[], bool]
"""Called regularly while delivery waits; False means that the run was stopped."""


class Latencies:
    """A histogram of acknowledgement latencies with 16 buckets per doubling: percentiles within 5%."""

    STEPS = 16
    # The bucket that ends at one second. The first bucket holds everything up to a microsecond.
    SECOND = 320
    RANGES = 512

    def __init__(self) -> None:
        self._counts = np.zeros(self.RANGES, np.int64)

    def add(self, counts: npt.NDArray[np.int64]) -> None:
        """Add counts per bucket: index n is 2^((n - SECOND) / STEPS) seconds."""
        self._counts += counts

    def summary(self) -> dict[str, float]:
        """{"p50", "p95", "p99", "max"} in milliseconds; empty when nothing was measured."""
        passed = np.cumsum(self._counts)
        if not passed[-1]:
            return {}
        found: dict[str, float] = {}
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
            place = int(np.searchsorted(passed, share * passed[-1]))
            found[name] = round(2 ** ((place - self.SECOND) / self.STEPS) * 1000, 3)
        return found


@dataclass
class Tally:
    """The delivery results: delivered records, failures by error, and the failed records."""

    acknowledged: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    failed_sequences: list[int] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def failed(self) -> int:
        """Records that were not delivered."""
        return self.errors.total()

    def correct(self, found: "Found") -> None:
        """Count failed records that are on the topic as delivered: a record that timed out may have arrived."""
        missing = [sequence for sequence in self.failed_sequences if found.missing(sequence, 1)[0]]
        there = len(self.failed_sequences) - len(missing)
        self.failed_sequences = missing
        self.acknowledged += there
        for error, count in self.errors.most_common():
            taken = min(count, there)
            self.errors[error] -= taken
            there -= taken
        self.errors += Counter()  # drops zero counts


class Sink(Protocol):
    """Accepts records in the order of sending."""

    tally: Tally

    def send(self, block: Block, rows: Rows, waiting: Waiting) -> int:
        """Accept these rows of the block. Return their number, which is lower only if the run was stopped."""

    def poll(self) -> None:
        """Process delivery reports."""

    def finish(self, waiting: Waiting) -> None:
        """Wait until every accepted record is delivered or failed."""


class StreamSink:
    """One record per line to an open file. Every written record counts as delivered."""

    def __init__(self, out: BinaryIO) -> None:
        self.tally = Tally()
        self._out = out

    def send(self, block: Block, rows: Rows, waiting: Waiting) -> int:
        """Write the records of these rows, one per line; returns how many were taken, which is all of them."""
        if len(rows):
            self._out.write(b"\n".join([*block.values.views(rows), b""]))
        self.tally.acknowledged += len(rows)
        return len(rows)

    def poll(self) -> None:
        """Nothing: a file has no delivery reports."""

    def finish(self, waiting: Waiting) -> None:
        """Write what is buffered."""
        self._out.flush()


def open_file(path: Path) -> BinaryIO:
    """A new file for the records.

    Raises:
        DeliveryError: it can't be written.
    """
    try:
        return path.open("wb", buffering=1 << 20)
    except OSError as error:
        raise DeliveryError(f"{path} can't be written: {error.strerror}.", "Use another --out.") from None


@dataclass(frozen=True)
class Found:
    """The records of a run on the topic: sequence numbers, ascending, and the number of duplicates."""

    sequences: npt.NDArray[np.int64]
    twice: int = 0

    def first_missing(self) -> int:
        """The lowest missing sequence number."""
        gaps = np.flatnonzero(self.sequences != np.arange(len(self.sequences)))
        return int(gaps[0]) if len(gaps) else len(self.sequences)

    def end(self) -> int:
        """One more than the highest sequence number on the topic."""
        return int(self.sequences[-1]) + 1 if len(self.sequences) else 0

    def missing(self, first: int, count: int) -> npt.NDArray[np.bool_]:
        """Mask of the missing records from `first` on."""
        there = np.ones(count, np.bool_)
        low, high = np.searchsorted(self.sequences, (first, first + count))
        there[self.sequences[low:high] - first] = False
        return there


NOTHING_FOUND = Found(np.empty(0, np.int64))
