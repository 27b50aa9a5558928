"""The origin of an action: the request with its address and its session or token, a worker, or a command."""

from contextvars import ContextVar
from dataclasses import dataclass

from celery import current_task
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import get_contextvars

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.requests import client_address
from controlplane.web.middleware import Middleware

_request: ContextVar[HttpRequest | None] = ContextVar("audit_request", default=None)


@dataclass(frozen=True)
class Origin:
    """The origin of an action, as stored in its audit row."""

    via: AuditEntry.Via
    credential: str = ""
    address: str | None = None
    request_id: str = ""


class RequestOrigin(Middleware):
    """Makes the current request available to the audit writer."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The response; the request is known to the audit while it is handled."""
        before = _request.set(request)
        try:
            response: HttpResponseBase = self.get_response(request)
            return response
        finally:
            _request.reset(before)

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The response; the request is known to the audit while it is handled; asynchronous."""
        _request.set(request)
        try:
            response: HttpResponseBase = await self.get_response(request)
            return response
        finally:
            # Not by its token: an answer may come back in a copy of the context.
            _request.set(None)


def current_request() -> HttpRequest | None:
    """The current request; None in workers and commands."""
    return _request.get()


def origin_of(actor: User | None) -> Origin:
    """The origin of the current action of `actor`. Workers and commands have no address."""
    request_id = str(get_contextvars().get("request_id", ""))[:64]
    token = actor.via_token if actor is not None else None
    request = current_request()
    if request is None:
        if token is not None:
            return Origin(AuditEntry.Via.TOKEN, str(token), request_id=request_id)
        via = AuditEntry.Via.WORKER if current_task else AuditEntry.Via.COMMAND
        return Origin(via, request_id=request_id)
    address = client_address(request) or None
    if token is not None:
        return Origin(AuditEntry.Via.TOKEN, str(token), address, request_id)
    row = getattr(request.session, "row", None) if hasattr(request, "session") else None
    if row is not None and actor is not None and row.user_id == actor.pk:
        return Origin(AuditEntry.Via.SESSION, str(row.public_id), address, request_id)
    return Origin(AuditEntry.Via.ANONYMOUS, "", address, request_id)
