"""Detects that PostgreSQL is unreachable, so that every page fails at once instead of waiting for it."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import psycopg
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from controlplane.provider import Provider
from controlplane.web.errors import database_away
from controlplane.web.middleware import Middleware
from spark_jobs.certificates import certificate_problem

# How long a result is cached: a busy server checks once per second instead of once per request.
VALID_SECONDS = 1.0
TIMEOUT_SECONDS = 0.5


def database_answers() -> bool:
    """Whether the database can be had; at most a second old."""
    return database_watch().answers()


def suspect() -> None:
    """Something has just failed for want of the database: look closer at the next occasion."""
    database_watch().suspect()


def give_back_connections() -> None:
    """Release this thread's database connections, as Django does after a request.

    For threads outside of requests. A connection within a transaction is still in use.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


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
    """What is wrong with the certificate of PostgreSQL, with the remedy; "" where that is not what keeps us out."""
    return database_watch().certificate


def _refusal() -> str | None:
    """None when the database lets somebody in; otherwise what is wrong with its certificate, "" for all else."""
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
        return certificate_problem(error, "PostgreSQL", f"{database.get('HOST')}:{database.get('PORT')}")
    return None


class DatabaseWatch:
    """Looks at the database, once in VALID_SECONDS at most.

    Normally it is enough that something `accepts` connections there. After a failure it has to let somebody in: while
    PostgreSQL starts, it accepts connections and refuses everybody. `certificate` says what is wrong with the server's
    certificate, while nobody is let in over that.
    """

    def __init__(self, accepts: Callable[[], bool] = _accepts, refusal: Callable[[], str | None] = _refusal) -> None:
        self.certificate = ""
        self._accepts, self._refusal = accepts, refusal
        self._lock = threading.Lock()
        self._seen: tuple[float, bool] | None = None
        self._is_suspect = False

    def answers(self) -> bool:
        """Whether the database accepts connections; asked at most once in `VALID_SECONDS`."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > VALID_SECONDS:
                answers = self._lets_in() if self._is_suspect else self._accepts()
                self._is_suspect = not answers
                self._seen = (time.monotonic(), answers)
            return self._seen[1]

    def _lets_in(self) -> bool:
        refused = self._refusal()
        self.certificate = refused or ""
        return refused is None

    def suspect(self) -> None:
        """Look again at the next occasion, and closer."""
        with self._lock:
            self._seen, self._is_suspect = None, True


@Provider
def database_watch() -> DatabaseWatch:
    """What knows whether the database can be had."""
    return DatabaseWatch()


# Metrics are served without the database, including the metric that reports it as down.
UNGUARDED = "/metrics"


class DatabaseGuard(Middleware):
    """Responds with 503 while the database is unavailable. Static files are served before this middleware."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The response, or status 503 while the database is unreachable."""
        if request.path != UNGUARDED and not database_answers():
            return database_away(request)
        return cast(HttpResponse, self.get_response(request))

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The response, or status 503 while the database is unreachable; asynchronous."""
        if request.path != UNGUARDED and not await sync_to_async(database_answers, thread_sensitive=False)():
            return await sync_to_async(database_away, thread_sensitive=False)(request)
        return cast(HttpResponse, await self.get_response(request))
