"""Counts in memory, for tests."""

from collections import Counter

from controlplane.monitoring.ports import TaskCounts, TaskCountsUnreachableError


class NullTaskCounter:
    """Counts in this process; `problem` makes it unreachable."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self._ended: Counter[tuple[str, str]] = Counter()
        self._seconds: Counter[str] = Counter()

    def add(self, task: str, outcome: str, seconds: float) -> None:
        self._check()
        self._ended[task, outcome] += 1
        self._seconds[task] += seconds  # type: ignore[assignment]

    def read(self, queues: tuple[str, ...]) -> TaskCounts:
        self._check()
        return TaskCounts(dict(self._ended), dict(self._seconds), dict.fromkeys(queues, 0))

    def _check(self) -> None:
        if self.problem:
            raise TaskCountsUnreachableError(self.problem)
