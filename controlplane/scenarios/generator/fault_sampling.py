"""Samples the faults of records: rates with windows, as integer thresholds of random bits."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Fault

Numbers = npt.NDArray[np.int64]
_32_BITS = np.uint64(0xFFFFFFFF)


class FaultSampler:
    """Faults with their codes, sampled exclusively: a record gets at most one of them.

    Args:
        faults: (code, fault) in the order of the document; windows of one code don't overlap.
    """

    def __init__(self, faults: Sequence[tuple[int, Fault]]) -> None:
        self.faults = list(faults)
        self._codes = np.array([0, *(code for code, _ in faults), 0], np.int64)[1:]
        moments = {0.0}
        for _, fault in faults:
            moments |= {fault.from_seconds} | ({fault.end} if fault.until_seconds is not None else set())
        self._moments = np.array(sorted(int(moment * 1e6) for moment in moments), np.int64)
        self._edges = [self._edges_at(moment / 1e6) for moment in self._moments.tolist()]

    def __bool__(self) -> bool:
        return bool(self.faults)

    def _edges_at(self, second: float) -> npt.NDArray[np.uint64]:
        rates = [fault.rate if fault.from_seconds <= second < fault.end else 0.0 for _, fault in self.faults]
        return np.array([round(sum(rates[: n + 1]) * 2**32) for n in range(len(rates))], np.uint64)

    def sample(self, draws: npt.NDArray[np.uint64], due: Numbers) -> Numbers:
        """The index in `faults` of each record's fault, -1 for none. The low half of a draw decides."""
        chance = draws & _32_BITS
        struck = np.full(len(draws), -1, np.int64)
        stretch = np.searchsorted(self._moments, due, side="right") - 1
        for number in np.unique(stretch).tolist():
            edges = self._edges[number]
            here = np.flatnonzero((stretch == number) & (chance < edges[-1]))
            struck[here] = np.searchsorted(edges, chance[here], side="right")
        return struck

    def until(self, place: int) -> float:
        """The microsecond at which the window of the fault with that index ends."""
        return self.faults[place][1].end * 1e6
