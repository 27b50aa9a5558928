"""Counts the faults in the records that a run delivered."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.faults import FAULTS, Outcome, Truth, truth_of
from controlplane.scenarios.generator.records import Block, Records

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Delivered:
    """The records that an earlier run with the same events delivered: the first `end` without the `failed` ones."""

    end: int = 0
    failed: Numbers = field(default_factory=lambda: np.empty(0, np.int64))

    def mask(self, first: int, count: int) -> npt.NDArray[np.bool_]:
        """Mask of the delivered records from `first` on."""
        there = np.arange(first, first + count) < self.end
        low, high = np.searchsorted(self.failed, (first, first + count))
        there[self.failed[low:high] - first] = False
        return there


class Counts:
    """Types and faults of the records so far, and valid records that an earlier run already delivered."""

    def __init__(self, kinds: tuple[str, ...], types: int, prior: Iterable[Delivered] = ()) -> None:
        self.kinds = kinds
        self.types = np.zeros(types, np.int64)
        self.codes = np.zeros(len(kinds), np.int64)
        self.repeated = 0
        self._prior = list(prior)
        # Codes of records that become a row of silver.
        taken = [0, *(n for n, kind in enumerate(kinds) if kind and FAULTS[kind].outcome is Outcome.PASSES)]
        self._taken = np.zeros(len(kinds), np.bool_)
        self._taken[taken] = True

    def add(self, block: Block, at: int, until: int) -> None:
        """Count a part of a block."""
        self.types += np.bincount(block.types[at:until], minlength=len(self.types))
        self.codes += np.bincount(block.codes[at:until], minlength=len(self.codes))
        if self._prior:
            self.repeated += int(self._repeats(block)[at:until].sum())

    def _repeats(self, block: Block) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(block), np.bool_)
        for delivered in self._prior:
            found |= delivered.mask(block.first, len(block))
        return found & self._taken[block.codes]

    def faults(self) -> dict[str, int]:
        """{kind: n} of the generated records."""
        return {kind: int(n) for kind, n in zip(self.kinds[1:], self.codes[1:], strict=True)}

    def truth(self, make_records: Callable[[], Records], failed: list[int]) -> Truth:
        """The truth of the delivered records.

        Failed records are known by number only. After failures the records are generated again to find their faults.
        """
        missing = np.array(sorted(failed), np.int64)
        codes, repeated, single = self.codes.copy(), self.repeated, 0
        if len(missing):
            lost = set(missing.tolist())
            for block in make_records().blocks():
                low, high = np.searchsorted(missing, (block.first, block.first + len(block)))
                places = missing[low:high] - block.first
                codes -= np.bincount(block.codes[places], minlength=len(codes))
                if self._prior:
                    repeated -= int(self._repeats(block)[places].sum())
                # A copy whose original was lost is the only record of its event.
                single += sum(
                    source in lost and block.first + at not in lost and not self._delivered_before(source)
                    for at, source in block.sources.items()
                )
        counts = {kind: int(n) for kind, n in zip(self.kinds[1:], codes[1:], strict=True)}
        return truth_of(counts, repeated=repeated - single)

    def _delivered_before(self, sequence: int) -> bool:
        return any(bool(delivered.mask(sequence, 1)[0]) for delivered in self._prior)
