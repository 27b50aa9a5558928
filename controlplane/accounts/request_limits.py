"""The size limit of requests: larger ones are rejected while they arrive, before they fill a disk, with a clear error.

Django writes a request's whole body to a file before authentication. This limit applies before that.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.roles import Role
from controlplane.accounts.session_cookie import session_key
from controlplane.web.database import give_back_connections
from controlplane.web.errors import BodyTooLargeError

_MARK = "lakehouse.too_large"
# A form of percent signs takes fifty times its size in memory while Django reads it, and Django reads it before
# anything asks who sends it. A name and a password take less than this.
STRANGERS_BYTES = 2**16


class BodyLimit:
    """An ASGI application that gives another one no more of a request than `settings.LARGE_BODIES` allows.

    What is too large arrives there empty and marked, for `BodyLimitMiddleware` to refuse; what a stranger sends to an
    address that takes large ones arrives empty. Anywhere else a stranger may send `STRANGERS_BYTES`.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass on the request. A body over the limit of its path is withheld, and the request is marked."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        scope, (limit, setting) = dict(scope), _limit(scope["path"])
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        # A request without a length may have any size.
        size = int(length[:20]) if length.isdigit() else STRANGERS_BYTES + 1 if b"transfer-encoding" in headers else 0
        large, unread = scope["path"] in settings.LARGE_BODIES, False
        if large:
            # A stranger is told so, whatever the request holds.
            unread = not await _may_send(headers, Role.OPERATOR)
        elif size > STRANGERS_BYTES and not await _may_send(headers, Role.VIEWER):
            limit = min(limit, STRANGERS_BYTES)
        too_large = (limit, setting)
        if length.isdigit() and size > limit:
            scope[_MARK] = too_large
        read, ended = 0, False

        async def limited() -> dict[str, Any]:
            nonlocal read, ended
            while ended or not (unread or _MARK in scope):
                message: dict[str, Any] = await receive()
                if message["type"] != "http.request":
                    return message
                read += len(message.get("body", b""))
                if ended:
                    # Further data is dropped while the response is written.
                    continue
                if read <= limit:
                    return message
                scope[_MARK] = too_large
            ended = True
            return {"type": "http.request", "body": b"", "more_body": False}

        await self._application(scope, limited, send)


class BodyLimitMiddleware(MiddlewareMixin):
    """Refuses what `BodyLimit` has found too large, once it is known who asks and before anything reads the form."""

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        """Raise `BodyTooLargeError` for a marked request."""
        if too_large := getattr(request, "scope", {}).get(_MARK):
            raise BodyTooLargeError(*too_large)


async def _may_send(headers: dict[bytes, bytes], role: Role) -> bool:
    """Whether a large request comes from somebody who may send one."""
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    session = session_key(headers.get(b"cookie", b"").decode("latin-1"))
    bearer = token.strip() if kind.lower() == "bearer" else ""
    return await sync_to_async(_known, thread_sensitive=False)(session, bearer, role)


def _known(session: str, token: str, role: Role) -> bool:
    try:
        person = person_behind(session_key=session, token=token)
        return person is not None and person.has_role(role)
    except DatabaseError:
        # The page reports it as unreachable.
        return False
    finally:
        give_back_connections()


def _limit(path: str) -> tuple[int, str]:
    """(how many bytes a request to this address may hold, the variable that says so)."""
    known: tuple[int, str] = settings.LARGE_BODIES.get(path, (settings.DATA_UPLOAD_MAX_MEMORY_SIZE, ""))
    return known
