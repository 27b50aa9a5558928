"""Which of an installation's secrets each program needs to do its work: its environment holds these and no others."""

OF_THE_CONTROL_PLANE = {"redis", "postgres_controlplane"}
OF_THE_LAKE = {"airflow", "spark_connect", "postgres_lake", "minio_pipeline", "kafka_controlplane"}
OF_AIRFLOW = {"airflow_api", "airflow_fernet", "airflow_jwt", "postgres_airflow"}
OF_JOBS = {"spark_connect", "minio_pipeline"}
A_JOB = "a job of Airflow"
NEEDS = {
    "web": {*OF_THE_CONTROL_PLANE, *OF_THE_LAKE, "django", "second_factor", "metrics", "spark_ui_token"},
    "worker": {*OF_THE_CONTROL_PLANE, *OF_THE_LAKE},
    "generator": {*OF_THE_CONTROL_PLANE, "kafka_generator", "kafka_controlplane"},
    "beat": OF_THE_CONTROL_PLANE,
    **dict.fromkeys(("airflow-api-server", "airflow-dag-processor"), OF_AIRFLOW),
    "airflow-scheduler": OF_AIRFLOW | OF_JOBS,
    A_JOB: OF_JOBS,
    "bi": {"postgres_lake", "minio_pipeline"},
    "postgres-exporter": {"postgres_monitor"},
    "redis-exporter": {"redis"},
}
