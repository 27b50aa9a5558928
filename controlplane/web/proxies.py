"""Evaluates forwarding headers of trusted reverse proxies (`settings.TRUSTED_PROXIES`).

From a trusted proxy, X-Forwarded-For gives the client's address and X-Forwarded-Proto the scheme, both parsed by
uvicorn's own middleware (which takes the last address that is not a trusted proxy). From other clients they are
ignored. No forwarding header reaches the application, so that it can't trust one by mistake.
`accounts.requests.client_address` reads the result.
"""

from collections.abc import Sequence
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from controlplane.web.ip_addresses import ip_address

_SAID_BY_PROXIES = (b"x-forwarded-", b"x-real-ip", b"forwarded")
_PEER = "lakehouse.peer"


class ForwardedHeaders:
    """An ASGI middleware that resolves the client's address and the scheme.

    Args:
        proxies: addresses and networks of the trusted proxies; none by default.
    """

    def __init__(self, application: Any, *, proxies: Sequence[str] = ()) -> None:
        self._application = application
        self._resolve: Any = ProxyHeadersMiddleware(self._resolved, trusted_hosts=list(proxies))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on the connection with the address of the client in the place of a trusted proxy's."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        peer = scope.get("client")
        if peer:
            # An IPv4 peer of a dual-stack socket.
            peer = (ip_address(peer[0]) or peer[0], peer[1])
        await self._resolve({**scope, "client": peer, _PEER: peer}, receive, send)

    async def _resolved(self, scope: Any, receive: Any, send: Any) -> None:
        peer, client = scope.pop(_PEER), scope.get("client")
        if client and client != peer:
            # An invalid address from a proxy is ignored.
            address = ip_address(client[0])
            scope["client"] = (address, client[1]) if address else peer
        scope["headers"] = [
            (name, value) for name, value in scope["headers"] if not name.lower().startswith(_SAID_BY_PROXIES)
        ]
        await self._application(scope, receive, send)
