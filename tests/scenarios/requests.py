"""Where tasks go to in the tests."""

from typing import Any


class Requests:
    """Stands between the product and its workers: keeps the tasks that were sent. None reaches a worker."""

    def __init__(self) -> None:
        self._sent: list[tuple[str, Any]] = []

    def __call__(self, task: Any) -> None:
        self._sent.append((task.name, next(iter(getattr(task, "args", None) or ()), None)))

    @property
    def runs(self) -> list[str]:
        """The ids of the runs that were asked for."""
        return self._asked("controlplane.scenarios.tasks.generate")

    @property
    def readings(self) -> list[int]:
        """The keys of the readings that were asked for."""
        return self._asked("controlplane.scenarios.tasks.read_recording")

    def _asked(self, task: str) -> list[Any]:
        return [what for name, what in self._sent if name == task]
