"""Airflow's pages and its session cookie have one host name: that of its base URL. Runs in Airflow's environment.

Cookies ignore ports: a cookie for 127.0.0.1 reaches every program that any account of the machine starts on another
port. `make up` therefore generates a host name for Airflow, `airflow-….localhost`. The control plane links to it, for
users who have signed in. Requests under another name get no answer that contains it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Programs request these under any name, with a bearer token.
FOR_PROGRAMS = ("/api/", "/execution/")
ELSEWHERE = (
    "Airflow's pages have a host name of their own. Sign in to the web application, and follow the link to Airflow on "
    "the Overview.\n"
)


class PageHost:
    """ASGI middleware: under another host name than that of `base_url`, there are neither cookies nor pages.

    Requests with a cookie are rejected there. Removing the cookie is not enough: Airflow's own middleware runs before
    that of plugins and has read it. Requests for pages redirect to `base_url`, unless its name is secret: names below
    `.localhost` are. With a `base_url` of loopback, nothing is rejected.
    """

    def __init__(self, app: App, *, base_url: str) -> None:
        self._app = app
        self._base_url = base_url.rstrip("/")
        parts = urlsplit(self._base_url)
        self._name, self._root = parts.hostname or "", parts.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: pages and cookies only under the own host name."""
        if scope["type"] == "lifespan" or self._name in ("", *LOOPBACK) or _host(scope) == self._name:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and (self._is_for_a_page(scope) or _has_cookie(scope)):
            await self._lead_on(scope, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, _setting_no_cookie(send))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _path(self, scope: Scope) -> str:
        """The path below that of `base_url`, whether or not a proxy has removed that one."""
        path = str(scope["path"])
        return path.removeprefix(self._root) if path.startswith(f"{self._root}/") else path

    def _is_for_a_page(self, scope: Scope) -> bool:
        return scope["method"] in ("GET", "HEAD") and not self._path(scope).startswith(FOR_PROGRAMS)

    async def _lead_on(self, scope: Scope, send: Send) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        if self._name.endswith(".localhost") or not self._is_for_a_page(scope):
            status, text = 421, ELSEWHERE
        else:
            query = scope["query_string"].decode("latin-1")
            address = self._base_url + quote(self._path(scope)) + (f"?{query}" if query else "")
            headers.append((b"location", address.encode("latin-1")))
            status, text = 307, ""
        body = text.encode()
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _host(scope: Scope) -> str:
    """The host name of the request without its port; "" if there are several."""
    named = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"]
    if len(named) != 1:
        return ""
    try:
        return urlsplit(f"//{named[0]}").hostname or ""
    except ValueError:
        return ""


def _has_cookie(scope: Scope) -> bool:
    return any(name.lower() == b"cookie" for name, _ in scope["headers"])


def _setting_no_cookie(send: Send) -> Send:
    async def send_without_cookies(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.lower() != b"set-cookie"]
            message = {**message, "headers": kept}
        await send(message)

    return send_without_cookies
