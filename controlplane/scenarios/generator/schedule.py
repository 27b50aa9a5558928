"""When each record is due: the stages of a scenario as a function from sequence number to time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controlplane.scenarios.generator.document import Scenario

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Stretch:
    first: int
    start: float
    rate: float


class Schedule:
    """The arrival times of a scenario, in microseconds after its start.

    Records are spread evenly, each anywhere within its own interval, so the rate holds over every window and the
    times still don't look like a metronome's.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._stretches: list[_Stretch] = []
        start, count = 0.0, 0
        for stage in scenario.traffic.stages:
            until = scenario.duration_seconds
            if stage.duration_seconds is not None:
                until = min(until, start + stage.duration_seconds)
            self._stretches.append(_Stretch(count, start, stage.events_per_second))
            count += max(round((until - start) * stage.events_per_second), 0)
            start = until
        self.duration = start
        self.total = max(count if scenario.max_events is None else min(count, scenario.max_events), 1)
        self._firsts = np.array([stretch.first for stretch in self._stretches], np.int64)
        self._starts = np.array([stretch.start for stretch in self._stretches], np.float64)
        self._rates = np.array([stretch.rate for stretch in self._stretches], np.float64)

    def due(self, first: int, draws: npt.NDArray[np.uint64]) -> Offsets:
        """When the records from `first` on are due; one 64-bit draw a record places it within its interval."""
        sequence = np.arange(first, first + len(draws), dtype=np.int64)
        stage = np.searchsorted(self._firsts, sequence, side="right") - 1
        within = (sequence - self._firsts[stage]) + (draws >> np.uint64(40)) * (1.0 / (1 << 24))
        due: Offsets = ((self._starts[stage] + within / self._rates[stage]) * 1e6).astype(np.int64)
        return due

    def rate_at(self, sequence: int) -> float:
        """The records a second that the document asks for at this record."""
        stage = int(np.searchsorted(self._firsts, sequence, side="right")) - 1
        return float(self._rates[max(stage, 0)])

    @property
    def peak(self) -> float:
        """The highest rate."""
        return float(self._rates.max())

    @property
    def mean(self) -> float:
        """Records a second over the whole run."""
        return self.total / self.duration
