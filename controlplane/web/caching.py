"""Cache headers: browsers and proxies must not store responses."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

NO_STORE = "private, no-store"


class NoStoreMiddleware(MiddlewareMixin):
    """Forbids storing any response of the application: pages, errors and the API depend on the user.

    It comes after the middleware of the static files, which have a hash in their names and are cached.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response with `Cache-Control: no-store`."""
        response.headers["Cache-Control"] = NO_STORE
        return response
