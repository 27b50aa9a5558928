"""How many large requests are in work at once.

The largest form takes some 120 MB in memory while Django parses it, and JSON of empty lists twenty times its size. One
process handles `TOGETHER` large requests at once, and `EACH` of one user. Further ones wait before their body is read,
for `WAIT_SECONDS` at most.

A user's place is held from the first byte of the body to the end of the response: who sends or reads slowly keeps only
their own. The process's place is held while the request is handled, from the end of its body to the beginning of the
response.
"""

import asyncio
from weakref import WeakValueDictionary

from controlplane.errors import ActionError

EACH = 1
TOGETHER = 2
WAIT_SECONDS = 5.0
RETRY_AFTER_SECONDS = 5


class TooManyLargeRequestsError(ActionError):
    """The user has as many large requests in work as allowed."""

    code = "too_many_requests"
    status = 429
    retry_after = RETRY_AFTER_SECONDS

    def __init__(self) -> None:
        super().__init__(
            f"The limit of concurrent large requests per user ({EACH}) is reached. Nothing was saved.",
            f"Retry in {RETRY_AFTER_SECONDS} s, and send large requests one after another.",
        )


class ServerBusyError(ActionError):
    """The web server handles as many large requests as it can."""

    code = "busy"
    status = 503
    retry_after = RETRY_AFTER_SECONDS

    def __init__(self) -> None:
        super().__init__(
            f"The limit of concurrent large requests ({TOGETHER}) is reached. Nothing was saved.",
            f"Retry in {RETRY_AFTER_SECONDS} s.",
        )


class LargeRequests:
    """The large requests of one event loop."""

    def __init__(self) -> None:
        self.together = asyncio.Semaphore(TOGETHER)
        # A semaphore is gone when no request refers to it.
        self._of_user: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def begin(self, user: str) -> "LargeRequest":
        """Wait for one of the user's places.

        Raises:
            TooManyLargeRequestsError: none was free within `WAIT_SECONDS`.
        """
        own = self._of_user.setdefault(user, asyncio.Semaphore(EACH))
        if not await _acquired(own):
            raise TooManyLargeRequestsError
        return LargeRequest(own, self.together)


class LargeRequest:
    """One large request in work."""

    def __init__(self, own: asyncio.Semaphore, together: asyncio.Semaphore) -> None:
        self._own, self._together, self._handled = own, together, False

    async def handle(self) -> None:
        """Wait for one of the process's places.

        Raises:
            ServerBusyError: none was free within `WAIT_SECONDS`.
        """
        if not await _acquired(self._together):
            raise ServerBusyError
        self._handled = True

    def answered(self) -> None:
        """Give the process's place back."""
        if self._handled:
            self._handled = False
            self._together.release()

    def ended(self) -> None:
        """Give both places back."""
        self.answered()
        self._own.release()


async def _acquired(semaphore: asyncio.Semaphore) -> bool:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await semaphore.acquire()
    except TimeoutError:
        return False
