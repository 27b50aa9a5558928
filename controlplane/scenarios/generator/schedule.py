"""The due time of each record: the stages of a scenario as a function from sequence number to time."""

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.session_walk import events_per_session

Offsets = npt.NDArray[np.int64]


class Schedule:
    """The arrival times of a scenario, in microseconds after its start.

    The rate is piecewise linear; the number of records before a moment is the area under it. Records are spread evenly
    over that area, each at a random position within its own unit, so the rate holds over every window while the times
    stay irregular.
    """

    def __init__(self, scenario: Scenario) -> None:
        pieces = scenario.traffic.pieces(scenario.duration_seconds)
        events = 1.0 if scenario.traffic.unit == "events" else events_per_session(scenario)
        seconds = [piece[0] for piece in pieces]
        areas = [length * (start + end) / 2 * events for length, start, end in pieces]
        counted = [0, *(round(area) for area in accumulate(areas))]
        self.duration = scenario.duration_seconds
        figures = scenario.source.figures if scenario.source else None
        # All events of a recording are sent, whatever its approximated rate; copies are added.
        count = counted[-1] if figures is None else figures.rows
        self.total = max(count if scenario.max_events is None else min(count, scenario.max_events), 1)
        self.events_per_session = events
        self._firsts = np.array(counted[:-1], np.int64)
        self._starts = np.array([0.0, *accumulate(seconds)][:-1], np.float64)
        self._seconds = np.array(seconds, np.float64)
        self._rates = np.array([piece[1] * events for piece in pieces], np.float64)
        self._ends = np.array([piece[2] * events for piece in pieces], np.float64)
        self._slopes = (self._ends - self._rates) / self._seconds
        # A segment has a whole number of records, but its area is fractional: the area per record.
        counts = np.diff(np.array(counted, np.float64))
        self._areas = np.array(areas, np.float64) / np.maximum(counts, 1)
        self._areas[self._slopes == 0] = 1.0

    def due(self, first: int, draws: npt.NDArray[np.uint64]) -> Offsets:
        """The due times of the records from `first` on. One 64-bit draw per record places it within its interval."""
        sequence = np.arange(first, first + len(draws), dtype=np.int64)
        piece = np.searchsorted(self._firsts, sequence, side="right") - 1
        within = (sequence - self._firsts[piece]) + (draws >> np.uint64(40)) * (1.0 / (1 << 24))
        due: Offsets = ((self._starts[piece] + self._passed(piece, within)) * 1e6).astype(np.int64)
        return due

    def _passed(self, piece: npt.NDArray[np.int64], within: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Seconds from the start of a segment until this many of its records are due."""
        rates, slopes = self._rates[piece], self._slopes[piece]
        steady: npt.NDArray[np.float64] = within / rates
        if not slopes.any():
            return steady
        # rate * t + slope * t * t / 2 = area, solved for t in the numerically stable form.
        area = within * self._areas[piece]
        root = np.sqrt(np.maximum(rates * rates + 2 * slopes * area, 0))
        return np.where(slopes == 0, steady, np.minimum(2 * area / (rates + root), self._seconds[piece]))

    def rate_at(self, sequence: int) -> float:
        """The defined rate (records per second) at this record."""
        piece = max(int(np.searchsorted(self._firsts, sequence, side="right")) - 1, 0)
        if self._slopes[piece] == 0:
            return float(self._rates[piece])
        passed = self._passed(np.array([piece]), np.array([float(sequence - self._firsts[piece])]))
        return float(self._rates[piece] + self._slopes[piece] * passed[0])

    def corners(self) -> list[tuple[float, float]]:
        """The rate over time as (second, records per second) at the ends of the segments."""
        found = []
        for start, seconds, rate, end in zip(self._starts, self._seconds, self._rates, self._ends, strict=True):
            found += [(float(start), float(rate)), (float(start + seconds), float(end))]
        return found

    @property
    def peak(self) -> float:
        """The highest rate."""
        return float(max(self._rates.max(), self._ends.max()))

    @property
    def mean(self) -> float:
        """Average records per second of the whole run."""
        return self.total / self.duration
