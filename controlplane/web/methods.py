"""The supported HTTP methods."""

from typing import cast

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from controlplane.web.middleware import Middleware

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class KnownMethods(Middleware):
    """Responds with 405 to other methods such as TRACE, which a view without a method check would treat like GET."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """The response; status 405 for an unknown method."""
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return cast(HttpResponseBase, self.get_response(request))

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The response; status 405 for an unknown method; asynchronous."""
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return cast(HttpResponseBase, await self.get_response(request))
