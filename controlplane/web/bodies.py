"""How large a request may be: refused while it comes in, before it fills a disk, and said in a sentence.

Django reads a request's whole body into a file before anything asks who sends it. This stands in front of it.
"""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from controlplane.web.numbers import filesize

_MARK = "lakehouse.too_large"


class BodyTooLargeError(RequestDataTooBig):
    """The request holds more than its address takes."""

    def __init__(self, limit: int, setting: str = "") -> None:
        super().__init__(f"more than {limit:,} bytes")
        self.says = f"It holds more than {filesize(limit)}. Nothing was kept."
        self.remedy = (
            f"Send a part of it, packed with gzip, or raise {setting}."
            if setting
            else "Shorten it: a scenario's document, for instance, holds at most 256 KiB."
        )


class BodyLimit:
    """An ASGI application that gives another one no more of a request than `settings.LARGE_BODIES` allows.

    What is too large arrives there empty and marked, for `BodyLimitMiddleware` to refuse.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        scope, (limit, _) = dict(scope), _limit(scope["path"])
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            scope[_MARK] = True
        read, ended = 0, False

        async def limited() -> dict[str, Any]:
            nonlocal read, ended
            while ended or _MARK not in scope:
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


def _limit(path: str) -> tuple[int, str]:
    """(how many bytes a request to this address may hold, the variable that says so)."""
    known: tuple[int, str] = settings.LARGE_BODIES.get(path, (settings.DATA_UPLOAD_MAX_MEMORY_SIZE, ""))
    return known
