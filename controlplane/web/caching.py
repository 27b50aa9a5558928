"""What browsers and proxies may keep of an answer: nothing."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

NO_STORE = "private, no-store"


class NoStoreMiddleware(MiddlewareMixin):
    """Every answer of the application says that nobody may store it: pages, errors and the API depend on who asks.

    It stands behind the middleware of the static files, which have a hash in their names and are kept.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers["Cache-Control"] = NO_STORE
        return response
