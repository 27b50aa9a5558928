"""Error pages, and the same errors as JSON for the API."""

import sys
import traceback
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
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
    """The request exceeds the size limit of its URL."""

    def __init__(self, limit: int, setting: str = "") -> None:
        super().__init__(f"more than {limit:,} bytes")
        self.says = f"The request exceeds the limit of {filesize(limit)}. Nothing was saved."
        self.remedy = (
            f"Split the file, compress it with gzip, or increase {setting}."
            if setting
            else "Send less data. A scenario definition, for example, may have at most 256 KiB."
        )


def error_page(
    request: HttpRequest,
    *,
    status: int,
    code: str,
    title: str,
    message: str,
    remedy: str = "",
    framed: bool = True,
    **more: Any,
) -> HttpResponse:
    """An error page: with the navigation for signed-in users, unless the database may have failed.

    Args:
        framed: False leaves the navigation out, so that the page needs no database.
    """
    if request.path.startswith("/api/"):
        return JsonResponse({"error": {"code": code, "message": message, "remedy": remedy}}, status=status)
    context = {"status": status, "title": title, "message": message, "remedy": remedy, **more}
    user = getattr(request, "user", None)
    framed = framed and status < 500 and user is not None and user.is_authenticated
    context["layout"] = "web/base.html" if framed else "web/plain.html"
    return HttpResponse(render_to_string("web/error.html", context, request if framed else None), status=status)


def error_shown(
    request: HttpRequest, template: str, context: dict[str, Any], error: ActionError | None
) -> HttpResponse:
    """Render a page whose template shows `error`, with its status and Retry-After; status 200 without an error."""
    response = render(request, template, {**context, "error": error}, status=error.status if error else 200)
    return again_later(response, error)


def again_later(response: HttpResponse, error: Exception | None) -> HttpResponse:
    """The response with the error's Retry-After, if it has one."""
    if isinstance(error, ActionError) and error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def database_away(request: HttpRequest) -> HttpResponse:
    """503: PostgreSQL is down, or its certificate was rejected."""
    from controlplane.web.database import refused_certificate

    database = settings.DATABASES["default"]
    message = (
        f"PostgreSQL at {database.get('HOST') or 'localhost'}:{database.get('PORT') or 5432} is down. "
        "Users, runs and observations are stored there, so no page can be shown. Events in transit are not lost."
    )
    remedy = (
        "The supervisor restarts it automatically. This page reloads every 5 seconds. If the problem persists, "
        f"`{status_command()}` shows the status of the services and `{logs_command('postgres')}` the log of PostgreSQL."
    )
    if refused := refused_certificate():
        message, remedy = refused.split(". ", 1)
        message += "."
    response = error_page(
        request,
        status=503,
        code="database_down",
        title="Database unavailable",
        message=message,
        remedy=remedy,
        again=request.get_full_path(),
    )
    response.headers["Retry-After"] = "5"
    if not request.path.startswith("/api/") and request.method == "GET":
        response.headers["Refresh"] = "5"
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler of status 400, and of request bodies that are too large."""
    if isinstance(exception, RequestDataTooBig):
        own = BodyTooLargeError(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        said = exception if isinstance(exception, BodyTooLargeError) else own
        return error_page(
            request,
            status=413,
            code="too_large",
            title="Request too large",
            message=said.says,
            remedy=said.remedy,
        )
    fields = isinstance(exception, TooManyFieldsSent)
    return error_page(
        request,
        status=400,
        code="invalid",
        title="Bad request",
        message=f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields. Nothing was saved."
        if fields
        else "The URL or the form contains invalid data.",
        remedy="Send fewer fields." if fields else "Go back and try again.",
    )


def unkeepable(request: HttpRequest) -> HttpResponse:
    """422: the database can't search for a value, or can't store it. Names a parameter that contains NUL."""
    match = request.resolver_match
    given = [(name, [str(value)]) for name, value in (match.kwargs if match else {}).items()]
    given += [(name, [str(value) for value in values]) for name, values in request.GET.lists()]
    name = next((name for name, values in given if any("\x00" in value for value in values)), "")
    return error_page(
        request,
        status=422,
        code="invalid",
        title="Invalid request",
        message=f"{name}: contains a NUL character."
        if name
        else "The request contains a value that the database can't store.",
        remedy="Remove the character."
        if name
        else "Remove NUL characters, lone surrogates, and numbers beyond 64 bits.",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler of status 404."""
    return error_page(
        request,
        status=404,
        code="not_found",
        title="Page not found",
        message=f"{request.path} does not exist or was deleted.",
        remedy="Use the navigation or the search to find it.",
    )


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler of status 500; status 503 if the database is unreachable."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        from controlplane.web.database import database_answers, suspect

        suspect()
        # This check finds out why the login fails.
        database_answers()
        return database_away(request)
    if isinstance(error, DataError):
        # A NUL or a number out of range, which only a hand-made request contains.
        return unkeepable(request)
    # Only shown to signed-in users. The traceback with paths and values is in the log of the service `web`.
    known = getattr(getattr(request, "user", None), "is_authenticated", False)
    technical = "".join(traceback.format_exception_only(error)) if error and known else ""
    return error_page(
        request,
        status=500,
        code="failed",
        title="Internal server error",
        message=f"The request {request.method} {request.path} failed.",
        remedy=f"Try again. If the problem persists, see the log with `{logs_command('web')}`.",
        technical=technical.strip(),
    )


def action_refused(request: HttpRequest, error: ActionError, *, framed: bool = True) -> HttpResponse:
    """An ActionError as a page; see `error_page`."""
    page = error_page(
        request,
        status=error.status,
        code=error.code,
        title={
            404: "Not found",
            409: "Action not possible",
            422: "Invalid request",
            429: "Too many requests",
            503: "Service unavailable",
        }.get(error.status, "Request rejected"),
        message=error.message,
        remedy=error.remedy,
        framed=framed,
    )
    return again_later(page, error)


class ActionErrorMiddleware(MiddlewareMixin):
    """Shows an ActionError as a message on the page from which the form was sent."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page of an `ActionError`, or a redirect with its message after a form; None for other errors."""
        if not isinstance(exception, ActionError) or request.path.startswith("/api/"):
            return None
        if request.method == "POST":
            messages.error(request, f"{exception.message} {exception.remedy}".strip())
            return HttpResponseRedirect(came_from(request))
        return action_refused(request, exception)


def came_from(request: HttpRequest) -> str:
    """The page from which a form was sent; the overview if the browser sends no referrer."""
    referrer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referrer, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(referrer)
        # A path that starts with two slashes names another host.
        return escape_leading_slashes(parts.path) + (f"?{parts.query}" if parts.query else "")
    return "/"
