"""Airflow's pages and sessions have one host name, cannot be framed, and wrong passwords are limited.

Runs in Airflow's own environment.
"""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin
from starlette.middleware.trustedhost import TrustedHostMiddleware

from compose.local.page_host import PageHost
from compose.local.sign_in_limit import SignInLimit

HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


class PageHeaders:
    """Adds `HEADERS` to every response that does not have them."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, with the headers added to the response."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in HEADERS if name not in known]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _hosts() -> list[str]:
    """The host names under which users and tasks reach the API server; other host names are rejected."""
    addresses = (conf.get("api", "base_url"), conf.get("core", "execution_api_server_url"))
    named = {urlsplit(address).hostname or "" for address in addresses}
    return sorted({"127.0.0.1", "localhost", *named} - {""})


class PageAccess(AirflowPlugin):  # type: ignore[misc]
    """What Airflow's API server is wrapped in; the last one is the outermost."""

    name = "page_access"
    fastapi_root_middlewares: ClassVar[list[dict[str, Any]]] = [
        {"name": "Sign-in limit", "middleware": SignInLimit, "args": [], "kwargs": {}},
        {
            "name": "Host name of pages",
            "middleware": PageHost,
            "args": [],
            "kwargs": {"base_url": conf.get("api", "base_url")},
        },
        {
            "name": "Host names",
            "middleware": TrustedHostMiddleware,
            "args": [],
            "kwargs": {"allowed_hosts": _hosts(), "www_redirect": False},
        },
        {"name": "Page headers", "middleware": PageHeaders, "args": [], "kwargs": {}},
    ]
