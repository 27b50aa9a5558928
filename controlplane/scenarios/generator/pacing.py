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
        speed: scenario seconds a real second; `math.inf` sends as fast as it goes. It may be changed on the way.
        ceiling: the microsecond of scenario time that must not be passed yet.
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
        # Whether the ceiling held the run back at the last look.
        self.held = False

    @property
    def speed(self) -> float:
        """Scenario seconds a real second."""
        return self._speed

    def change(self, speed: float) -> None:
        """Go on at another speed from now on; what is due by now is still due at the old one."""
        if speed == self._speed:
            return
        if self._last is not None and not math.isinf(self._speed):
            self.position()
        self._speed = speed

    def start(self, position: int = 0) -> None:
        """Begin, or go on after a rest, at this position (microseconds of scenario time)."""
        self._position = self._owed = float(position)
        self._last = self._clock()

    def position(self) -> int | None:
        """What is due up to this microsecond may be sent now; None means everything."""
        ceiling = self._ceiling()
        if math.isinf(self._speed):
            self.held = not math.isinf(ceiling)
            return int(ceiling) if self.held else None
        now = self._clock()
        assert self._last is not None, "not started"
        passed = now - self._last
        self._last = now
        self._owed += passed * 1e6 * self._speed
        # A long pause between two looks was a stall: what it left undone is spread over the looks that follow.
        most = min(passed, LOOK_SECONDS) * 1e6 * self._speed * CATCH_UP
        self._position += min(self._owed - self._position, most)
        self.held = self._position > ceiling
        if self.held:
            # Held back is not behind: nothing is to be caught up.
            self._position = self._owed = ceiling
        return int(self._position)

    def wait(self, due: int) -> float:
        """Real seconds until the record that is due then may be sent."""
        if math.isinf(self._speed) or self.held:
            return LOOK_SECONDS
        return max((due - self._position) / 1e6 / self._speed, 0.0)

    def behind(self, due: int) -> float:
        """Real seconds by which the record that is due then is late."""
        if math.isinf(self._speed) or self._last is None:
            return 0.0
        return max((self._owed - due) / 1e6 / self._speed, 0.0)
