"""Addresses of the runs."""

from django.urls import path

from controlplane.orchestration import addresses as addresses  # registers `airflow_id`
from controlplane.orchestration import views

app_name = "orchestration"
urlpatterns = [
    path("runs/", views.index, name="index"),
    path("runs/live/", views.live, name="live"),
    path("runs/dag/", views.trigger, name="trigger"),
    path("runs/dag/<airflow_id:run_id>/", views.dag_run, name="dag-run"),
    path("runs/dag/<airflow_id:run_id>/live/", views.dag_run_live, name="dag-run-live"),
    path("runs/dag/<airflow_id:run_id>/snapshots/", views.dag_run_snapshots, name="dag-run-snapshots"),
    path("runs/dag/<airflow_id:run_id>/log/<airflow_id:task_id>/<int:try_number>/", views.log, name="log"),
    path("runs/jobs/", views.submit, name="submit"),
    path("runs/jobs/<uuid:job_id>/", views.spark_job, name="spark-job"),
    path("runs/jobs/<uuid:job_id>/live/", views.spark_job_live, name="spark-job-live"),
    path("runs/jobs/<uuid:job_id>/snapshots/", views.spark_job_snapshots, name="spark-job-snapshots"),
]
