"""Report the figures of a benchmark: one JSON line per figure, on standard output."""

from __future__ import annotations

import json


class Figures:
    """The figures of one benchmark. Each is printed as soon as it is measured.

    A line has exactly these fields:

    - `name`: the figure's name, the same in every run
    - `value` and `unit`: the measured value
    - `peer`: for a comparison, the values of both sides as text; otherwise null
    - `goal`: the bound, in the same unit
    - `holds`: whether the value is within the goal
    """

    def __init__(self) -> None:
        self._all_hold = True

    def at_most(self, name: str, value: float, unit: str, goal: float, peer: str | None = None) -> None:
        """Report a value that must not exceed `goal`."""
        self._report(name, value, unit, goal, peer, value <= goal)

    def at_least(self, name: str, value: float, unit: str, goal: float, peer: str | None = None) -> None:
        """Report a value that must not be below `goal`."""
        self._report(name, value, unit, goal, peer, value >= goal)

    def exit_code(self) -> int:
        """0 if every figure reported so far holds, otherwise 1."""
        return 0 if self._all_hold else 1

    def _report(self, name: str, value: float, unit: str, goal: float, peer: str | None, holds: bool) -> None:
        self._all_hold = self._all_hold and holds
        line = {"name": name, "value": round(value, 3), "unit": unit, "peer": peer, "goal": goal, "holds": holds}
        print(json.dumps(line), flush=True)
