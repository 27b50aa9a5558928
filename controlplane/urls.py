"""Every address of the application, a line a room."""

from django.urls import URLPattern, URLResolver, include, path

from controlplane.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("controlplane.overview.urls")),
    path("", include("controlplane.accounts.urls")),
    path("", include("controlplane.scenarios.urls")),
    path("", include("controlplane.quality.urls")),
    path("", include("controlplane.lakehouse.urls")),
    path("", include("controlplane.ledger.urls")),
    path("", include("controlplane.bi.urls")),
    path("", include("controlplane.streaming.urls")),
    path("", include("controlplane.orchestration.urls")),
    path("", include("controlplane.monitoring.urls")),
    path("", include("controlplane.search.urls")),
    path("api/v1/", api.urls),
]

handler400 = "controlplane.web.errors.bad_request"
handler403 = "controlplane.accounts.refusal_pages.forbidden"
handler404 = "controlplane.web.errors.not_found"
handler500 = "controlplane.web.errors.failed"
