"""How large a request may be: refused while it comes in, before it fills a disk, and said in a sentence.

Django reads a request's whole body into a file before anything asks who sends it. This stands in front of it.
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


class BodyLimit:
    """An ASGI application that gives another one no more of a request than `settings.LARGE_BODIES` allows.

    What is too large arrives there empty and marked, for `BodyLimitMiddleware` to refuse; what a stranger sends to an
    address that takes large ones arrives empty.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        scope, (limit, _) = dict(scope), _limit(scope["path"])
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            scope[_MARK] = True
        # A stranger is told so, whatever the request holds.
        unread = scope["path"] in settings.LARGE_BODIES and not await _may_send(headers)
        read, ended = 0, False

        async def limited() -> dict[str, Any]:
            nonlocal read, ended
            while ended or not (unread or _MARK in scope):
                message: dict[str, Any] = await receive()
                if message["type"] != "http.request":
                    return message
                read += len(message.get("body", b""))
                if ended:
                    # What still comes in is let go of while the answer is written.
                    continue
                if read <= limit:
                    return message
                scope[_MARK] = True
            ended = True
            return {"type": "http.request", "body": b"", "more_body": False}

        await self._application(scope, limited, send)


class BodyLimitMiddleware(MiddlewareMixin):
    """Refuses what `BodyLimit` has found too large, once it is known who asks and before anything reads the form."""

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        if getattr(request, "scope", {}).get(_MARK):
            raise BodyTooLargeError(*_limit(request.path))


async def _may_send(headers: dict[bytes, bytes]) -> bool:
    """Whether a large request comes from somebody who may send one."""
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    session = session_key(headers.get(b"cookie", b"").decode("latin-1"))
    bearer = token.strip() if kind.lower() == "bearer" else ""
    return await sync_to_async(_known, thread_sensitive=False)(session, bearer)


def _known(session: str, token: str) -> bool:
    try:
        person = person_behind(session_key=session, token=token)
        return person is not None and person.has_role(Role.OPERATOR)
    except DatabaseError:
        # The page says that it is away.
        return False
    finally:
        give_back_connections()


def _limit(path: str) -> tuple[int, str]:
    """(how many bytes a request to this address may hold, the variable that says so)."""
    known: tuple[int, str] = settings.LARGE_BODIES.get(path, (settings.DATA_UPLOAD_MAX_MEMORY_SIZE, ""))
    return known
