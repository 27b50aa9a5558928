from django.urls import path

from controlplane.scenarios.documents import (
    views,
)
from controlplane.scenarios.editor import views as editor
from controlplane.scenarios.recordings import views as recordings
from controlplane.scenarios.runs import views as run_views
from controlplane.scenarios.schedules import views as schedules

app_name = "scenarios"
urlpatterns = [
    path("scenarios/", views.index, name="index"),
    path("scenarios/live/", views.index_live, name="index-live"),
    path("scenarios/new/", editor.new, name="new"),
    path("scenarios/schedules/", schedules.index, name="schedules"),
    path("scenarios/schedules/new/", schedules.new, name="schedule-new"),
    path("scenarios/schedules/times/", schedules.times, name="schedule-times"),
    path("scenarios/schedules/<uuid:schedule_id>/", schedules.detail, name="schedule"),
    path("scenarios/schedules/<uuid:schedule_id>/live/", schedules.live, name="schedule-live"),
    path("scenarios/schedules/<uuid:schedule_id>/change/", schedules.change, name="schedule-change"),
    path("scenarios/schedules/<uuid:schedule_id>/pause/", schedules.pause, name="schedule-pause"),
    path("scenarios/schedules/<uuid:schedule_id>/resume/", schedules.resume, name="schedule-resume"),
    path("scenarios/schedules/<uuid:schedule_id>/delete/", schedules.delete, name="schedule-delete"),
    path("scenarios/runs/", views.run_list, name="runs"),
    path("scenarios/runs/<uuid:run_id>/", views.run, name="run"),
    path("scenarios/runs/<uuid:run_id>/live/", views.run_live, name="run-live"),
    path("scenarios/runs/<uuid:run_id>/rates.json", views.run_rates, name="run-rates"),
    path("scenarios/runs/<uuid:run_id>/stop/", views.run_stop, name="run-stop"),
    path("scenarios/runs/<uuid:run_id>/pause/", run_views.run_pause, name="run-pause"),
    path("scenarios/runs/<uuid:run_id>/resume/", run_views.run_resume, name="run-resume"),
    path("scenarios/runs/<uuid:run_id>/speed/", run_views.run_speed, name="run-speed"),
    path("scenarios/runs/<uuid:run_id>/replay/", run_views.run_replay, name="run-replay"),
    path("scenarios/runs/<uuid:run_id>/latency.json", run_views.run_latency, name="run-latency"),
    path("scenarios/runs/<uuid:run_id>/report.json", run_views.report_json, name="run-report-json"),
    path("scenarios/runs/<uuid:run_id>/report.html", run_views.report_html, name="run-report-html"),
    path("scenarios/compare/", run_views.compare, name="compare"),
    path("scenarios/compare/rates.json", run_views.compare_rates, name="compare-rates"),
    path("scenarios/recordings/", recordings.index, name="recordings"),
    path("scenarios/recordings/new/", recordings.new, name="recording-new"),
    path("scenarios/recordings/<slug:sha256>/", recordings.detail, name="recording"),
    path("scenarios/recordings/<slug:sha256>/live/", recordings.live, name="recording-live"),
    path("scenarios/recordings/<slug:sha256>/map/", recordings.mapping, name="recording-map"),
    path("scenarios/recordings/<slug:sha256>/delete/", recordings.delete, name="recording-delete"),
    path("scenarios/<scenario:slug>/", views.detail, name="detail"),
    path("scenarios/<scenario:slug>/edit/", editor.edit, name="edit"),
    path("scenarios/<scenario:slug>/run/", views.run_start, name="run-start"),
    path("scenarios/<scenario:slug>/document.yaml", views.document, name="document"),
]
