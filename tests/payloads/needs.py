"""Which of an installation's secrets each program needs to do its work: its environment holds these and no others."""

OF_THE_CONTROL_PLANE = {
    "django", "second_factor", "redis", "airflow", "metrics", "spark_connect", "spark_ui_token",
    "postgres_controlplane", "postgres_lake", "minio_pipeline", "kafka_generator", "kafka_stream", "kafka_controlplane",
}  # fmt: skip
OF_AIRFLOW = {"airflow_api", "airflow_fernet", "airflow_jwt", "postgres_airflow"}
OF_JOBS = {"spark_connect", "minio_pipeline"}
A_JOB = "a job of Airflow"
NEEDS = {
    **dict.fromkeys(("web", "worker", "generator", "beat"), OF_THE_CONTROL_PLANE),
    **dict.fromkeys(("airflow-api-server", "airflow-dag-processor"), OF_AIRFLOW),
    "airflow-scheduler": OF_AIRFLOW | OF_JOBS,
    A_JOB: OF_JOBS,
    "bi": {"postgres_lake", "minio_pipeline"},
    "postgres-exporter": {"postgres_monitor"},
    "redis-exporter": {"redis"},
}
