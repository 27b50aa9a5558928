from django.urls import path

from controlplane.monitoring import views

app_name = "monitoring"
urlpatterns = [
    path("metrics", views.metrics, name="metrics"),
    path("runbooks/", views.runbook_index, name="runbooks"),
    path("runbooks/<slug:name>/", views.runbook_page, name="runbook"),
]
