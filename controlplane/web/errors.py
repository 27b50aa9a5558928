"""Error pages, and the same errors as JSON for the API: what happened, and what to do."""

import sys
import traceback
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from controlplane.errors import ActionError
from controlplane.web.numbers import filesize
from controlplane.web.operator_commands import logs_command, status_command


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


def error_page(
    request: HttpRequest, *, status: int, code: str, title: str, message: str, remedy: str = "", **more: Any
) -> HttpResponse:
    """An error as a page: within the navigation for who is signed in, unless the database may be what failed."""
    if request.path.startswith("/api/"):
        return JsonResponse({"error": {"code": code, "message": message, "remedy": remedy}}, status=status)
    context = {"status": status, "title": title, "message": message, "remedy": remedy, **more}
    user = getattr(request, "user", None)
    framed = status < 500 and user is not None and user.is_authenticated
    context["layout"] = "web/base.html" if framed else "web/plain.html"
    return HttpResponse(render_to_string("web/error.html", context, request if framed else None), status=status)


def error_shown(
    request: HttpRequest, template: str, context: dict[str, Any], error: ActionError | None
) -> HttpResponse:
    """A page whose template shows `error`, with the status and the header Retry-After of it; without one, the page."""
    response = render(request, template, {**context, "error": error}, status=error.status if error else 200)
    return again_later(response, error)


def again_later(response: HttpResponse, error: Exception | None) -> HttpResponse:
    """The answer, saying when trying again makes sense where the error knows it."""
    if isinstance(error, ActionError) and error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def database_away(request: HttpRequest) -> HttpResponse:
    """503: PostgreSQL is down, or its certificate is refused."""
    from controlplane.web.database import refused_certificate

    database = settings.DATABASES["default"]
    message = (
        f"PostgreSQL at {database.get('HOST') or 'localhost'}:{database.get('PORT') or 5432} is down. "
        "People, runs and observations are kept there, so no page can be shown. Events under way are not lost."
    )
    remedy = (
        "The supervisor starts it again by itself; this page tries again every 5 seconds. "
        f"If it lasts, `{status_command()}` says how the parts are and `{logs_command('postgres')}` why it stopped."
    )
    if refused := refused_certificate():
        message, remedy = refused.split(". ", 1)
        message += "."
    response = error_page(
        request,
        status=503,
        code="database_down",
        title="The database does not answer",
        message=message,
        remedy=remedy,
        again=request.get_full_path(),
    )
    response.headers["Retry-After"] = "5"
    if not request.path.startswith("/api/") and request.method == "GET":
        response.headers["Refresh"] = "5"
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        own = BodyTooLargeError(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        said = exception if isinstance(exception, BodyTooLargeError) else own
        return error_page(
            request,
            status=413,
            code="too_large",
            title="This is too large to be read",
            message=said.says,
            remedy=said.remedy,
        )
    return error_page(
        request,
        status=400,
        code="invalid",
        title="This request can't be read",
        message="The address or the form holds something that this page doesn't understand.",
        remedy="Go back and try again.",
    )


def unkeepable(request: HttpRequest) -> HttpResponse:
    """422: the database can't look for a value, or can't keep it. It names the parameter that has a NUL character."""
    match = request.resolver_match
    given = [(name, [str(value)]) for name, value in (match.kwargs if match else {}).items()]
    given += [(name, [str(value) for value in values]) for name, values in request.GET.lists()]
    name = next((name for name, values in given if any("\x00" in value for value in values)), "")
    return error_page(
        request,
        status=422,
        code="invalid",
        title="This can't be looked for",
        message=f"{name}: has a NUL character." if name else "The request holds a value that the database can't keep.",
        remedy="Leave it out."
        if name
        else "Leave out NUL characters, halves of surrogate pairs, and numbers beyond 64 bits.",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        status=404,
        code="not_found",
        title="There is nothing at this address",
        message=f"{request.path} names no page, or what it names does not exist (any more).",
        remedy="Find it from the overview or from the list that it belongs to.",
    )


def failed(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        from controlplane.web.database import database_answers, suspect

        suspect()
        # It says why nobody is let in.
        database_answers()
        return database_away(request)
    if isinstance(error, DataError):
        # A NUL or a number beyond all bounds, which only a hand-made request holds.
        return unkeepable(request)
    # Strangers are shown none of it. The lines with the program's paths and values are in the log of the part `web`.
    known = getattr(getattr(request, "user", None), "is_authenticated", False)
    technical = "".join(traceback.format_exception_only(error)) if error and known else ""
    return error_page(
        request,
        status=500,
        code="failed",
        title="Something went wrong here",
        message=f"Answering {request.method} {request.path} failed.",
        remedy=f"Try again; if it stays so, `{logs_command('web')}` holds the whole story.",
        technical=technical.strip(),
    )


def action_refused(request: HttpRequest, error: ActionError) -> HttpResponse:
    """What a service refused, as a page of its own."""
    page = error_page(
        request,
        status=error.status,
        code=error.code,
        title="This can't be done",
        message=error.message,
        remedy=error.remedy,
    )
    return again_later(page, error)


class ActionErrorMiddleware(MiddlewareMixin):
    """What a service refused becomes a message on the page that the person came from."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ActionError) or request.path.startswith("/api/"):
            return None
        if request.method == "POST":
            messages.error(request, f"{exception.message} {exception.remedy}".strip())
            return HttpResponseRedirect(came_from(request))
        return action_refused(request, exception)


def came_from(request: HttpRequest) -> str:
    """The page of ours from which a form was sent; the first page where the browser doesn't say."""
    referrer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(referrer)
        # A path that begins with two slashes names another host.
        return escape_leading_slashes(parts.path) + (f"?{parts.query}" if parts.query else "")
    return "/"
