"""Counts requests to the web application by route and status class."""

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
    "HTTP requests by matched URL pattern.",
    labelnames=("method", "route", "status"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "lakehouse_http_request_duration_seconds",
    "Time to the start of the response in seconds; live updates continue after that.",
    labelnames=("route",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)


class CountRequests(Middleware):
    """The outermost of our middlewares except for static files, so that rejections are counted too."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The response, counted with its duration."""
        began = time.perf_counter()
        response = self.get_response(request)
        _count(request, response, time.perf_counter() - began)
        return cast(HttpResponseBase, response)

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The response, counted with its duration; asynchronous."""
        began = time.perf_counter()
        response = await self.get_response(request)
        _count(request, response, time.perf_counter() - began)
        return cast(HttpResponseBase, response)


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    # The pattern instead of the URL, which bounds the number of series.
    route = f"/{match.route}" if match else NO_ROUTE
    count(request.method or "", route, response.status_code, seconds)


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one response by its URL pattern."""
    ANSWERED.labels(method if method in METHODS else "OTHER", route, f"{status // 100}xx").inc()
    SECONDS.labels(route).observe(seconds)
