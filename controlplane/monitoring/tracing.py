"""Correlation ids across processes: of the request, the run and the task.

They are stored in structlog's context variables, so that every log line includes them: set at the request, sent with
each Celery message, and set again in the worker.
"""

import logging
import re
import uuid
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from controlplane.web.middleware import Middleware

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
MESSAGE_HEADER = "lakehouse_context"
SENT_ALONG = ("request_id", "run_id")
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIds(Middleware):
    """Assigns an id to every request, or accepts the caller's, returns it in the response, and logs writes."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The response, with the id of the request in its header."""
        request_id = begin(request.headers.get(HEADER, ""))
        return _end(request, self.get_response(request), request_id)

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The response, with the id of the request in its header; asynchronous."""
        request_id = begin(request.headers.get(HEADER, ""))
        return _end(request, await self.get_response(request), request_id)


def begin(given: str) -> str:
    """Start the context of a request with the caller's id or a new one."""
    request_id = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
    clear_contextvars()
    bind_contextvars(request_id=request_id)
    return request_id


def _end(request: HttpRequest, response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response.headers[HEADER] = request_id
    log_answer(request.method or "", request.path, response.status_code)
    return response


def log_answer(method: str, path: str, status: int) -> None:
    """Log a request that was a write or failed, and clear the context."""
    if method not in ("GET", "HEAD", "OPTIONS") or status >= 500:
        log.info("%s %s: %d", method, path, status)
    clear_contextvars()


def _sends(headers: dict[str, Any] | None = None, **more: Any) -> None:
    known = get_contextvars()
    if headers is not None:
        headers[MESSAGE_HEADER] = {name: known[name] for name in SENT_ALONG if name in known}


def _begins(task: Any = None, **more: Any) -> None:
    clear_contextvars()
    sent = getattr(task.request, MESSAGE_HEADER, None) or {}
    bind_contextvars(task=task.name.removeprefix("controlplane."), **{name: str(sent[name]) for name in sent})


def _ends(**more: Any) -> None:
    clear_contextvars()


before_task_publish.connect(_sends)
task_prerun.connect(_begins)
task_postrun.connect(_ends)
