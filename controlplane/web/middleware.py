"""What middlewares have in common that answer requests in a thread and in the event loop alike."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class Middleware:
    """A middleware with both ways to answer. Django's MiddlewareMixin would do it in a thread for every request."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self.answer_later(request) if self.is_async else self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, in a thread."""
        raise NotImplementedError

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, in the event loop."""
        raise NotImplementedError
