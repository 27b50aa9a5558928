"""Detects that PostgreSQL is unreachable, so that every page fails at once instead of waiting for it."""

import socket
import threading
import time
from typing import Any, cast

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from controlplane.web.errors import database_away
from controlplane.web.middleware import Middleware
from spark_jobs.certificates import certificate_problem

# How long a result is cached: a busy server checks once per second instead of once per request.
VALID_SECONDS = 1.0
TIMEOUT_SECONDS = 0.5

_lock = threading.Lock()
_seen: tuple[float, bool] = (0.0, True)
_suspect = False
# The problem of the server's certificate, while it prevents connections.
_certificate = ""


def database_answers() -> bool:
    """Whether the database is available; cached for a second.

    Normally an accepted connection is sufficient. After a failure a login must succeed: while PostgreSQL starts, it
    accepts connections but rejects logins.
    """
    global _seen, _suspect
    with _lock:
        if time.monotonic() - _seen[0] > VALID_SECONDS:
            answers = _lets_in() if _suspect else _accepts()
            _suspect = not answers
            _seen = (time.monotonic(), answers)
        return _seen[1]


def give_back_connections() -> None:
    """Release this thread's database connections, as Django does after a request.

    For threads outside of requests. A connection within a transaction is still in use.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def suspect() -> None:
    """Report a database failure: the next check tries to log in."""
    global _seen, _suspect
    with _lock:
        _suspect = True
        _seen = (0.0, True)


def _accepts() -> bool:
    database: dict[str, Any] = settings.DATABASES["default"]
    host = str(database.get("HOST") or "")
    if not host or host.startswith("/"):
        return True  # a socket file: connecting fails at once
    try:
        with socket.create_connection((host, int(database.get("PORT") or 5432)), timeout=TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def refused_certificate() -> str:
    """The problem of PostgreSQL's certificate with its remedy; "" if the certificate is not the problem."""
    return _certificate


def _lets_in() -> bool:
    global _certificate
    database: dict[str, Any] = settings.DATABASES["default"]
    try:
        psycopg.connect(
            host=database.get("HOST") or None,
            port=database.get("PORT") or None,
            dbname=database["NAME"],
            user=database.get("USER") or None,
            password=database.get("PASSWORD") or None,
            connect_timeout=1,
            **{name: value for name, value in database.get("OPTIONS", {}).items() if name.startswith("ssl")},
        ).close()
    except psycopg.Error as error:
        _certificate = certificate_problem(error, "PostgreSQL", f"{database.get('HOST')}:{database.get('PORT')}")
        return False
    _certificate = ""
    return True


# Metrics are served without the database, including the metric that reports it as down.
UNGUARDED = "/metrics"


class DatabaseGuard(Middleware):
    """Responds with 503 while the database is unavailable. Static files are served before this middleware."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        if request.path != UNGUARDED and not database_answers():
            return database_away(request)
        return cast(HttpResponse, self.get_response(request))

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        if request.path != UNGUARDED and not await sync_to_async(database_answers, thread_sensitive=False)():
            return await sync_to_async(database_away, thread_sensitive=False)(request)
        return cast(HttpResponse, await self.get_response(request))
