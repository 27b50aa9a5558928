"""Every address of the application, a line a room."""

from django.urls import URLPattern, URLResolver, path

from controlplane.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
]
