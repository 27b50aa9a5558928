"""Access checks of the gateway: host, origin and user, before a request is forwarded."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.http.request import split_domain_port, validate_host

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.models import User
from controlplane.accounts.own_name import at_home
from controlplane.accounts.session_cookie import session_key
from controlplane.web.database import database_answers, give_back_connections, suspect


@dataclass(frozen=True)
class Handshake:
    """The headers of a request or a WebSocket handshake that decide about access."""

    headers: dict[str, str]
    scheme: str
    repeated: frozenset[str]

    @classmethod
    def of(cls, scope: dict[str, Any]) -> "Handshake":
        """The handshake of an ASGI scope. A repeated header has its last value, and its name is in `repeated`."""
        headers: dict[str, str] = {}
        repeated = set()
        for raw_name, raw_value in scope["headers"]:
            name = raw_name.decode("latin-1").lower()
            if name in headers:
                repeated.add(name)
            headers[name] = raw_value.decode("latin-1")
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        return cls(headers, scheme, frozenset(repeated))

    def get(self, name: str) -> str:
        """The value of a header by its lower-case name; empty if it is missing."""
        return self.headers.get(name, "")

    @property
    def names_our_host(self) -> bool:
        """Whether the request is for one of our host names. DNS rebinding uses another one."""
        if "host" in self.repeated:
            return False
        domain, _ = split_domain_port(self.get("host"))
        return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)

    @property
    def origin(self) -> str:
        """The origin that the browser sees: behind a proxy that terminates TLS, the request itself came by http."""
        public = urlsplit(settings.PUBLIC_URL)
        scheme = public.scheme if public.netloc == self.get("host") else self.scheme
        return f"{scheme}://{self.get('host')}"

    @property
    def wants_html(self) -> bool:
        """Whether the response is shown to a user, in a tab or a frame."""
        return self.get("sec-fetch-mode") == "navigate" or "text/html" in self.get("accept")

    @property
    def is_page(self) -> bool:
        """Whether the request opens a top-level page, rather than being loaded by another page."""
        if mode := self.get("sec-fetch-mode"):
            return mode == "navigate" and self.get("sec-fetch-dest") == "document"
        return "text/html" in self.get("accept")

    @property
    def is_foreign(self) -> bool:
        """Whether a page of another origin causes the request.

        Another port of the same host is another origin, although it gets the cookie. Following a link is not foreign.
        """
        if "origin" in self.headers and ("origin" in self.repeated or self.get("origin") != self.origin):
            return True
        return self.get("sec-fetch-site") in ("cross-site", "same-site") and not self.is_page

    @property
    def is_foreign_websocket(self) -> bool:
        """Whether the handshake lacks our origin. Browsers always send one."""
        return "origin" in self.repeated or self.get("origin") != self.origin

    async def person(self) -> User | None:
        """The user of the session cookie.

        Raises:
            DatabaseError: the database is unreachable.
        """
        if not at_home(self.get("host"), self.scheme):
            return None
        return await sync_to_async(_person, thread_sensitive=False)(self.get("cookie"))


def _person(cookie: str) -> User | None:
    key = session_key(cookie)
    if not key:
        return None
    if not database_answers():
        raise DatabaseError("The database accepts no connections.")
    try:
        return person_behind(session_key=key)
    except DatabaseError:
        suspect()
        raise
    finally:
        give_back_connections()
