"""Limits wrong passwords at Airflow's sign-in, which has no limit of its own. Runs in Airflow's environment."""

import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Below any prefix: Airflow may be served under the path of `[api] base_url`.
PATHS = ("/auth/token", "/auth/token/cli")
ATTEMPTS = 10
WINDOW_SECONDS = 20.0


class SignInLimit:
    """ASGI middleware: `attempts` wrong passwords in `seconds`, then 429 until the first of them is that old.

    One counter serves all callers: a stranger on the same machine chooses its own loopback address, and Airflow's only
    user name is known. An attempt counts from its beginning, so parallel attempts are limited as well. A right password
    does not count. The counter is in memory: the API server runs with one worker.
    """

    def __init__(
        self,
        app: App,
        *,
        attempts: int = ATTEMPTS,
        seconds: float = WINDOW_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._attempts, self._seconds, self._clock = app, attempts, seconds, clock
        self._wrong: deque[float] = deque()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request: status 429 for a sign-in after too many wrong passwords."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].rstrip("/").endswith(PATHS):
            await self._app(scope, receive, send)
            return
        began = self._clock()
        while self._wrong and self._wrong[0] <= began - self._seconds:
            self._wrong.popleft()
        if len(self._wrong) >= self._attempts:
            await _refuse(send, seconds=int(self._wrong[0] + self._seconds - began) + 1)
            return
        self._wrong.append(began)

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400 and began in self._wrong:
                self._wrong.remove(began)
            await send(message)

        await self._app(scope, receive, send_and_count)


async def _refuse(send: Send, *, seconds: int) -> None:
    """Answer 429 in the form of Airflow's errors: a JSON object with `detail`."""
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(seconds).encode())]
    detail = f"Too many wrong passwords. Try again in {seconds} s."
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": detail}).encode()})
