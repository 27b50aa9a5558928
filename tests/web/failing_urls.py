"""The addresses of the application, and two whose view fails: one for people who are signed in, one for everybody."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

from controlplane import urls
from controlplane.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the reason")


urlpatterns: list[URLPattern | URLResolver] = [
    *urls.urlpatterns,
    path("fails/", fail),
    path("fails/for-everybody/", login_not_required(fail)),
]
