"""When to send: how far into the scenario the run may be by now."""

import math
import time
from collections.abc import Callable

# After a stall (a broker that was away) the run goes faster until it has caught up, but not as fast as it can.
CATCH_UP = 2.0
# How far apart two looks at the clock usually are, at most.
LOOK_SECONDS = 0.1


class Pacer:
    """Turns real time into scenario time.

    Args:
        speed: scenario seconds a real second; `math.inf` sends as fast as it goes.
    """

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._clock = clock
        self._position = self._owed = 0.0
        self._last: float | None = None

    def start(self, position: int = 0) -> None:
        """Begin at this position (microseconds of scenario time)."""
        self._position = self._owed = float(position)
        self._last = self._clock()

    def position(self) -> int | None:
        """What is due up to this microsecond may be sent now; None means everything."""
        if math.isinf(self.speed):
            return None
        now = self._clock()
        assert self._last is not None, "not started"
        passed = now - self._last
        self._last = now
        self._owed += passed * 1e6 * self.speed
        # A long pause between two looks was a stall: what it left undone is spread over the looks that follow.
        most = min(passed, LOOK_SECONDS) * 1e6 * self.speed * CATCH_UP
        self._position += min(self._owed - self._position, most)
        return int(self._position)

    def wait(self, due: int) -> float:
        """Real seconds until the record that is due then may be sent."""
        return max((due - self._position) / 1e6 / self.speed, 0.0)
