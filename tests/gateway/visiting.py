"""The gateway as browsers visit it, with a real upstream behind it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pytest_django.fixtures import Settings
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from controlplane.accounts.roles import Role
from controlplane.gateway import upstreams
from controlplane.gateway.application import Gateway
from controlplane.gateway.upstreams import BI_PREFIX, Upstream
from tests.gateway.serving import Echo, served
from tests.people import person, visitor

STREAM = f"{BI_PREFIX}_stcore/stream"
PASSED = "application"
# Seconds. Nothing is expected to take that long, on however slow a machine: only what hangs does.
PATIENT = 120


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for sockets whose path is short, and that other accounts may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def known(settings: Settings, place: Path) -> list[Upstream]:
    """The upstreams of the settings: Streamlit at the socket of the test, Spark's UI beside it."""
    settings.BI_URL = f"unix://{place / 'bi.sock'}"
    settings.SPARK_UI_TOKEN = "spark-token"
    return upstreams.upstreams()


class Visit:
    """The gateway as people's browsers see it, with the upstream behind it."""

    def __init__(self, address: str, echo: Echo, gateway: Gateway) -> None:
        self.address, self.echo, self.gateway = address, echo, gateway

    async def get(self, path: str, cookie: str = "", method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {**({"Cookie": cookie} if cookie else {}), **named}
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(method, self.address + path, headers=given, timeout=PATIENT)

    def websocket(
        self, cookie: str = "", path: str = STREAM, *, host: str = "", origin: str | None = "", **headers: str
    ) -> connect:
        """A handshake with our gateway, whatever name and origin the browser knows it by."""
        own = urlsplit(self.address)
        return connect(
            f"ws://{host or own.netloc}{path}",
            host=own.hostname,
            port=own.port,
            origin=self.address if origin == "" else origin,
            additional_headers={**({"Cookie": cookie} if cookie else {}), **headers},
            proxy=None,
            subprotocols=["streamlit", "x", "s-1"],
        )


@asynccontextmanager
async def visiting(known: list[Upstream], place: Path, **options: Any) -> AsyncIterator[Visit]:
    """The gateway with these upstreams, one of which is at the socket `bi.sock`."""

    async def behind(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": PASSED.encode()})

    echo = Echo()
    gateway = Gateway(behind, lambda: known, **options)
    async with served(echo, place / "bi.sock"), served(gateway) as address:
        yield Visit(address, echo, gateway)


def cookie_of(role: Role, settings: Settings) -> str:
    """The cookie of a new session of the person with this role."""
    session = visitor(person(role)).cookies[settings.SESSION_COOKIE_NAME]
    return f"{settings.SESSION_COOKIE_NAME}={session.value}"


def run(known: list[Upstream], place: Path, visit: Callable[[Visit], Awaitable[None]], **options: Any) -> None:
    """Let `visit` act on the gateway with these upstreams."""

    async def all_of_it() -> None:
        async with visiting(known, place, **options) as there:
            await visit(there)

    asyncio.run(all_of_it())


async def refused(opening: connect) -> int:
    """The status with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as failure:
        await opening
    return failure.value.response.status_code
