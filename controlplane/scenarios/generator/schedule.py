"""When each record is due: the stages of a scenario as a function from sequence number to time."""

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.session_walk import events_per_session

Offsets = npt.NDArray[np.int64]


class Schedule:
    """The arrival times of a scenario, in microseconds after its start.

    The rate is a row of straight pieces; how many records come before a moment is the area under it. Records are spread
    evenly over that area, each anywhere within its own unit of it, so the rate holds over every window and the times
    still don't look like a metronome's.
    """

    def __init__(self, scenario: Scenario) -> None:
        pieces = scenario.traffic.pieces(scenario.duration_seconds)
        events = 1.0 if scenario.traffic.unit == "events" else events_per_session(scenario)
        seconds = [piece[0] for piece in pieces]
        areas = [length * (start + end) / 2 * events for length, start, end in pieces]
        counted = [0, *(round(area) for area in accumulate(areas))]
        self.duration = scenario.duration_seconds
        figures = scenario.source.figures if scenario.source else None
        # Of a recording every event is sent, however its rhythm is drawn; copies come on top.
        count = counted[-1] if figures is None else figures.rows
        self.total = max(count if scenario.max_events is None else min(count, scenario.max_events), 1)
        self.events_per_session = events
        self._firsts = np.array(counted[:-1], np.int64)
        self._starts = np.array([0.0, *accumulate(seconds)][:-1], np.float64)
        self._seconds = np.array(seconds, np.float64)
        self._rates = np.array([piece[1] * events for piece in pieces], np.float64)
        self._ends = np.array([piece[2] * events for piece in pieces], np.float64)
        self._slopes = (self._ends - self._rates) / self._seconds
        # A piece's records are a whole number, its area is not: this much area belongs to each.
        counts = np.diff(np.array(counted, np.float64))
        self._areas = np.array(areas, np.float64) / np.maximum(counts, 1)
        self._areas[self._slopes == 0] = 1.0

    def due(self, first: int, draws: npt.NDArray[np.uint64]) -> Offsets:
        """When the records from `first` on are due; one 64-bit draw a record places it within its interval."""
        sequence = np.arange(first, first + len(draws), dtype=np.int64)
        piece = np.searchsorted(self._firsts, sequence, side="right") - 1
        within = (sequence - self._firsts[piece]) + (draws >> np.uint64(40)) * (1.0 / (1 << 24))
        due: Offsets = ((self._starts[piece] + self._passed(piece, within)) * 1e6).astype(np.int64)
        return due

    def _passed(self, piece: npt.NDArray[np.int64], within: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Seconds into a piece until so many of its records have come."""
        rates, slopes = self._rates[piece], self._slopes[piece]
        steady: npt.NDArray[np.float64] = within / rates
        if not slopes.any():
            return steady
        # rate * t + slope * t * t / 2 = area, solved for t in the form that doesn't cancel.
        area = within * self._areas[piece]
        root = np.sqrt(np.maximum(rates * rates + 2 * slopes * area, 0))
        return np.where(slopes == 0, steady, np.minimum(2 * area / (rates + root), self._seconds[piece]))

    def rate_at(self, sequence: int) -> float:
        """The records a second that the document asks for at this record."""
        piece = max(int(np.searchsorted(self._firsts, sequence, side="right")) - 1, 0)
        if self._slopes[piece] == 0:
            return float(self._rates[piece])
        passed = self._passed(np.array([piece]), np.array([float(sequence - self._firsts[piece])]))
        return float(self._rates[piece] + self._slopes[piece] * passed[0])

    def corners(self) -> list[tuple[float, float]]:
        """The rate over time as (second, records a second), where it bends."""
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
        """Records a second over the whole run."""
        return self.total / self.duration
