"""Airflow's sign-in: wrong passwords are limited, parallel ones too; right ones are not counted."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from compose.local.sign_in_limit import SignInLimit

RIGHT = b"right"


async def _airflow(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    body = (await receive()).get("body", b"")
    # Other requests go on while this one is verified.
    await asyncio.sleep(0)
    status = 201 if body == RIGHT else 401
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class _Server:
    def __init__(self, **limits: Any) -> None:
        self._app = SignInLimit(_airflow, **limits)

    async def ask(self, body: bytes, path: str = "/auth/token", method: str = "POST") -> tuple[int, dict[bytes, bytes]]:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app({"type": "http", "method": method, "path": path}, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"])

    def statuses(self, *requests: tuple[bytes, str]) -> list[int]:
        async def one_after_the_other() -> list[int]:
            return [(await self.ask(body, path))[0] for body, path in requests]

        return asyncio.run(one_after_the_other())


def test_wrong_passwords_are_refused_after_the_limit_and_so_is_a_right_one() -> None:
    server = _Server(attempts=3)
    wrong, cli, right = (b"wrong", "/auth/token"), (b"wrong", "/auth/token/cli"), (RIGHT, "/auth/token")
    assert server.statuses(right, wrong, cli, right, wrong, wrong, cli, right) == [
        *(201, 401, 401, 201, 401),
        *(429, 429, 429),
    ]


def test_the_limit_holds_below_the_path_of_a_base_url() -> None:
    """Airflow routes a path with its `root_path` and one without it to the same endpoint."""
    paths = ("/airflow/auth/token", "/auth/token", "/a/b/auth/token/cli/", "/airflow/auth/token")
    server = _Server(attempts=3)
    assert server.statuses(*((b"wrong", path) for path in paths)) == [401, 401, 401, 429]


def test_parallel_attempts_count_before_they_are_answered() -> None:
    server = _Server(attempts=3)

    async def at_once() -> list[int]:
        return [status for status, _ in await asyncio.gather(*(server.ask(b"wrong") for _ in range(20)))]

    assert sorted(asyncio.run(at_once())) == [*[401] * 3, *[429] * 17]


def test_the_limit_ends_when_the_window_has_passed() -> None:
    now = 0.0
    server = _Server(attempts=2, seconds=20, clock=lambda: now)
    assert server.statuses((b"wrong", "/auth/token")) == [401]
    now = 5.0
    assert server.statuses((b"wrong", "/auth/token")) == [401]
    status, headers = asyncio.run(server.ask(RIGHT))
    assert (status, headers[b"retry-after"]) == (429, b"16")
    now = 20.0
    assert server.statuses((RIGHT, "/auth/token"), (b"wrong", "/auth/token"), (RIGHT, "/auth/token")) == [201, 401, 429]


def test_other_requests_are_not_counted() -> None:
    server = _Server(attempts=1)
    assert server.statuses(*[(b"wrong", "/api/v2/dags")] * 3) == [401] * 3
    assert [asyncio.run(server.ask(b"wrong", method="GET"))[0] for _ in range(3)] == [401] * 3
    assert server.statuses((RIGHT, "/auth/token")) == [201]
