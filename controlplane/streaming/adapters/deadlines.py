"""Deadlines for the gRPC calls of Spark's client, which has none of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc


class Deadlines(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Gives every call the rest of the deadline that the calling thread set, or `otherwise` seconds."""

    def __init__(self, otherwise: float) -> None:
        self._otherwise = otherwise
        self._local = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Limit the total duration of this thread's calls in the block."""
        self._local.until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._local.until = None

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._limited(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._limited(details), request)

    def _limited(self, details: Any) -> Any:
        # The client's own threads, which release results, set no deadline and get the default.
        until = getattr(self._local, "until", None)
        left = self._otherwise if until is None else max(0.05, until - time.monotonic())
        return details._replace(timeout=left)
