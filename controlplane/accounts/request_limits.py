"""The limits of a request's body, which apply while it arrives: Django reads the whole body before authentication.

A request that is too large is rejected before it fills a disk, and a large one waits for its turn before it fills the
memory (large_requests.py).
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from controlplane.accounts.api_auth import person_behind
from controlplane.accounts.large_requests import LargeRequest, LargeRequests
from controlplane.accounts.models import User
from controlplane.accounts.roles import Role
from controlplane.accounts.session_cookie import session_key
from controlplane.errors import ActionError
from controlplane.web.database import give_back_connections
from controlplane.web.errors import BodyTooLargeError, action_refused

_TOO_LARGE, _NO_TURN = "lakehouse.too_large", "lakehouse.no_turn"
# A form of percent signs takes 180 times its size in memory while Django reads it, and Django reads it before
# anything asks who sends it. A name and a password take less than this.
STRANGERS_BYTES = 2**16
# The largest form is the editor's: a document of 256 KiB, each byte of which may take three characters, and its fields.
# Memory goes by the percent signs, some 190 bytes each, so there are no more of them than a form can need.
FORM_BYTES = 3 * 2**19
FORM_ESCAPES = FORM_BYTES // 3
# A request with more than this is large: of a user who is known, and of all others.
LARGE_BYTES, STRANGERS_LARGE_BYTES = 2**16, 2**13
_FORM = b"application/x-www-form-urlencoded"


class BodyLimit:
    """An ASGI application that gives another one no more of a request than `settings.LARGE_BODIES` allows.

    What is too large arrives there empty and marked, for `BodyLimitMiddleware` to refuse; what a stranger sends to an
    address that takes large ones arrives empty. Anywhere else a stranger may send `STRANGERS_BYTES`. Large requests
    take turns; one whose turn does not come is marked as well. Files are written to disk and take no turn.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._large = LargeRequests()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass on the request. A body over the limit of its path is withheld, and the request is marked."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = dict(scope["headers"])
        # It contains no file.
        is_form = headers.get(b"content-type", b"").lower().startswith(_FORM)
        takes_file = scope["path"] in settings.LARGE_BODIES and not is_form
        limit, setting = _limit(scope["path"] if takes_file else "")
        if is_form:
            limit = min(limit, FORM_BYTES)
        length = headers.get(b"content-length", b"")
        # A request without a length may have any size.
        size = int(length[:20]) if length.isdigit() else LARGE_BYTES + 1 if b"transfer-encoding" in headers else 0
        person = await _sender(headers) if takes_file or size > STRANGERS_LARGE_BYTES else None
        if not takes_file and person is None and size > STRANGERS_BYTES:
            limit = min(limit, STRANGERS_BYTES)
        body = _Body(dict(scope), receive, limit, (limit, setting))
        # A stranger is told so, whatever the request holds.
        body.is_form = is_form
        body.unread = takes_file and (person is None or not person.has_role(Role.OPERATOR))
        if length.isdigit() and size > limit:
            body.scope[_TOO_LARGE] = body.too_large
        elif not takes_file and size > (STRANGERS_LARGE_BYTES if person is None else LARGE_BYTES):
            try:
                body.turn = await self._large.begin(f"person {person.pk}" if person else "strangers")
            except ActionError as error:
                body.scope[_NO_TURN] = error
        try:
            await self._application(body.scope, body.receive, body.answering(send))
        finally:
            if body.turn:
                body.turn.ended()


class _Body:
    """The body of a request as the application receives it."""

    def __init__(self, scope: dict[str, Any], receive: Any, limit: int, too_large: tuple[int, str]) -> None:
        self.scope, self.too_large = scope, too_large
        self.unread = self.is_form = False
        self.turn: LargeRequest | None = None
        self._receive, self._limit = receive, limit
        self._read, self._escapes, self._ended = 0, 0, False

    async def receive(self) -> dict[str, Any]:
        """The next message: the body as it comes in, or an empty one instead of what is not to be read."""
        while self._ended or not (self.unread or _TOO_LARGE in self.scope or _NO_TURN in self.scope):
            message: dict[str, Any] = await self._receive()
            if message["type"] != "http.request":
                return message
            self._read += len(message.get("body", b""))
            self._escapes += message.get("body", b"").count(b"%") if self.is_form else 0
            if self._ended:
                # Further data is dropped while the response is written.
                continue
            if self._read > self._limit or self._escapes > FORM_ESCAPES:
                self.scope[_TOO_LARGE] = self.too_large
            elif message.get("more_body") or await self._has_its_turn():
                return message
        self._ended = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _has_its_turn(self) -> bool:
        try:
            if self.turn:
                await self.turn.handle()
        except ActionError as error:
            self.scope[_NO_TURN] = error
            return False
        return True

    def answering(self, send: Any) -> Any:
        """`send`, which ends the turn when the response begins."""

        async def sent(message: dict[str, Any]) -> None:
            if self.turn and message["type"] == "http.response.start":
                self.turn.answered()
            await send(message)

        return sent


class BodyLimitMiddleware(MiddlewareMixin):
    """Refuses what `BodyLimit` has marked, once it is known who asks and before anything reads the form."""

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Raise `BodyTooLargeError` for a marked request, or answer one that had to wait too long."""
        scope = getattr(request, "scope", {})
        if too_large := scope.get(_TOO_LARGE):
            raise BodyTooLargeError(*too_large)
        no_turn = scope.get(_NO_TURN)
        # Many may be refused at once: without the navigation, no page waits for the database.
        return action_refused(request, no_turn, framed=False) if no_turn else None


async def _sender(headers: dict[bytes, bytes]) -> User | None:
    """Who sends a request, as far as that is known before Django reads it."""
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    session = session_key(headers.get(b"cookie", b"").decode("latin-1"))
    bearer = token.strip() if kind.lower() == "bearer" else ""
    return await sync_to_async(_known, thread_sensitive=False)(session, bearer)


def _known(session: str, token: str) -> User | None:
    try:
        person = person_behind(session_key=session, token=token)
        return person if person is not None and person.has_role(Role.VIEWER) else None
    except DatabaseError:
        # The page reports it as unreachable.
        return None
    finally:
        give_back_connections()


def _limit(path: str) -> tuple[int, str]:
    """(how many bytes a request to this address may hold, the variable that says so)."""
    known: tuple[int, str] = settings.LARGE_BODIES.get(path, (settings.DATA_UPLOAD_MAX_MEMORY_SIZE, ""))
    return known
