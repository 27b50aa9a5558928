"""Which methods of HTTP are answered at all."""

from typing import cast

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from controlplane.web.middleware import Middleware

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class KnownMethods(Middleware):
    """Answers 405 to any other method, TRACE above all: pages that say nothing of methods would answer it like GET."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return cast(HttpResponseBase, self.get_response(request))

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return cast(HttpResponseBase, await self.get_response(request))
