"""The base class of middlewares that support threads and the event loop."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class Middleware:
    """A sync and async middleware. Django's MiddlewareMixin would use a thread for every request."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """The response, or an awaitable of it under ASGI."""
        return self.answer_later(request) if self.is_async else self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The response, in a thread."""
        raise NotImplementedError

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The response, in the event loop."""
        raise NotImplementedError
