"""The rate limit of a user or a token: `settings.REQUESTS_PER_MINUTE` requests per clock minute.

The counts are in the memory of the web server, which is one process: counting takes about a microsecond, and no
request waits for Redis or the database to be counted. Several web servers count each for themselves. Who has not signed
in is not counted here: what they can cause is bounded by the limits of signing in (throttle.py).
"""

import threading
import time

from django.conf import settings

from controlplane.errors import ActionError

MINUTE = 60.0


class TooManyRequestsError(ActionError):
    """A person or a token has sent as many requests in this minute as allowed."""

    code = "too_many_requests"
    status = 429

    def __init__(self, limit: int, again_in: float) -> None:
        self.retry_after = max(1, round(again_in))
        super().__init__(
            f"The limit of {limit:,} requests per minute is exceeded.",
            f"Retry in {self.retry_after} s, or ask an admin to increase REQUESTS_PER_MINUTE.",
        )


class _Minute:
    """The counts of the current minute: one entry for everybody who has sent a request in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = -1
        self._counts: dict[str, int] = {}

    def count(self, subject: str, now: float) -> int:
        """Count one more request; returns the number in this minute."""
        number = int(now // MINUTE)
        with self._lock:
            if number != self._number:
                self._number, self._counts = number, {}
            self._counts[subject] = counted = self._counts.get(subject, 0) + 1
            return counted


_minute = _Minute()


def requests_bounded(subject: str) -> None:
    """Count a request of a person or a token.

    Raises:
        TooManyRequestsError: there were as many as allowed in this minute. The request must not be answered.
    """
    limit, now = settings.REQUESTS_PER_MINUTE, time.monotonic()
    if limit and _minute.count(subject, now) > limit:
        raise TooManyRequestsError(limit, MINUTE - now % MINUTE)
