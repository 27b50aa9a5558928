"""Pacing: the current position of a run in its scenario."""

import math
import time
from collections.abc import Callable

# After a stall (such as a broker outage) the run catches up at a bounded speed.
CATCH_UP = 2.0
# The usual maximum interval between two clock checks.
LOOK_SECONDS = 0.1


class Pacer:
    """Converts real time to scenario time.

    Args:
        speed: scenario seconds per real second; `math.inf` is unlimited. May be changed during the run.
        ceiling: the microsecond of scenario time that must not be exceeded yet.
    """

    def __init__(
        self,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        ceiling: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._speed = speed
        self._clock = clock
        self._ceiling = ceiling
        self._position = self._owed = 0.0
        self._last: float | None = None
        # Whether the ceiling throttled the run at the last check.
        self.held = False

    @property
    def speed(self) -> float:
        """Scenario seconds per real second."""
        return self._speed

    def change(self, speed: float) -> None:
        """Change the speed from now on. Records that are due by now stay due."""
        if speed == self._speed:
            return
        if self._last is not None and not math.isinf(self._speed):
            self.position()
        self._speed = speed

    def start(self, position: int = 0) -> None:
        """Start, or resume after a pause, at this position (microseconds of scenario time)."""
        self._position = self._owed = float(position)
        self._last = self._clock()

    def position(self) -> int | None:
        """The microsecond up to which records may be sent now; None means everything."""
        ceiling = self._ceiling()
        if math.isinf(self._speed):
            self.held = not math.isinf(ceiling)
            return int(ceiling) if self.held else None
        now = self._clock()
        assert self._last is not None, "not started"
        passed = now - self._last
        self._last = now
        self._owed += passed * 1e6 * self._speed
        # A long interval between two checks was a stall: its backlog is spread over the following checks.
        most = min(passed, LOOK_SECONDS) * 1e6 * self._speed * CATCH_UP
        self._position += min(self._owed - self._position, most)
        self.held = self._position > ceiling
        if self.held:
            # Throttled is not late: there is nothing to catch up.
            self._position = self._owed = ceiling
        return int(self._position)

    def wait(self, due: int) -> float:
        """Real seconds until a record with this due time may be sent."""
        if math.isinf(self._speed) or self.held:
            return LOOK_SECONDS
        return max((due - self._position) / 1e6 / self._speed, 0.0)

    def behind(self, due: int) -> float:
        """Real seconds by which a record with this due time is late."""
        if math.isinf(self._speed) or self._last is None:
            return 0.0
        return max((self._owed - due) / 1e6 / self._speed, 0.0)
