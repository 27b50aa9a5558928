from django.urls import path

from controlplane.scenarios import views
from controlplane.scenarios.editor import views as editor

app_name = "scenarios"
urlpatterns = [
    path("scenarios/", views.index, name="index"),
    path("scenarios/live/", views.index_live, name="index-live"),
    path("scenarios/new/", editor.new, name="new"),
    path("scenarios/runs/", views.run_list, name="runs"),
    path("scenarios/runs/<uuid:run_id>/", views.run, name="run"),
    path("scenarios/runs/<uuid:run_id>/live/", views.run_live, name="run-live"),
    path("scenarios/runs/<uuid:run_id>/rates.json", views.run_rates, name="run-rates"),
    path("scenarios/runs/<uuid:run_id>/stop/", views.run_stop, name="run-stop"),
    path("scenarios/<slug:slug>/", views.detail, name="detail"),
    path("scenarios/<slug:slug>/edit/", editor.edit, name="edit"),
    path("scenarios/<slug:slug>/run/", views.run_start, name="run-start"),
    path("scenarios/<slug:slug>/document.yaml", views.document, name="document"),
]
