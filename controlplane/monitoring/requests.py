"""Counting what people and programs ask of the web application, by route and status class."""

import time
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

from controlplane.monitoring.collector import REGISTRY
from controlplane.web.middleware import Middleware

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "(none)"

ANSWERED = Counter(
    "lakehouse_http_requests",
    "Requests that were answered, by the address pattern that they matched.",
    labelnames=("method", "route", "status"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "lakehouse_http_request_duration_seconds",
    "Seconds until the answer began; live pages go on after that.",
    labelnames=("route",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)


class CountRequests(Middleware):
    """The outermost of our middlewares but for static files, so that refusals are counted too."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        _count(request, response, time.perf_counter() - began)
        return cast(HttpResponseBase, response)

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = await self.get_response(request)
        _count(request, response, time.perf_counter() - began)
        return cast(HttpResponseBase, response)


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    # The pattern, never the address: as many series as there are routes, whatever is asked for.
    route = f"/{match.route}" if match else NO_ROUTE
    count(request.method or "", route, response.status_code, seconds)


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer, by the pattern of its address."""
    ANSWERED.labels(method if method in METHODS else "OTHER", route, f"{status // 100}xx").inc()
    SECONDS.labels(route).observe(seconds)
