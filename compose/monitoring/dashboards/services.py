"""Services: web, Celery, PostgreSQL, Redis, Kafka, MinIO, disks, and the watching itself."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-services", "Services"
TEXT = "Web, Celery, Airflow, PostgreSQL, Redis, Kafka, MinIO, disks, and the watching itself."

PANELS: tuple[Panel, ...] = (
    Figure("Parts up", "sum(lakehouse_part_up)"),
    Figure("Targets up", "sum(up)", text="Of those that Prometheus asks."),
    Figure("Workers alive", "sum(lakehouse_celery_worker_up)"),
    Figure("Messages waiting", "sum(lakehouse_celery_queue_length)"),
    Figure("Disk left", "min(lakehouse_disk_free_bytes / lakehouse_disk_size_bytes)", "percentunit"),
    Figure("Database connections", "sum(pg_stat_activity_count)"),
    Chart("Requests a second", (("sum by (status) (rate(lakehouse_http_requests_total[1m]))", "{{status}}"),), "reqps"),
    Chart(
        "Seconds to an answer",
        (
            (
                "histogram_quantile(0.5, sum by (le) (rate(lakehouse_http_request_duration_seconds_bucket[5m])))",
                "median",
            ),
            (
                "histogram_quantile(0.95, sum by (le) (rate(lakehouse_http_request_duration_seconds_bucket[5m])))",
                "95 %",
            ),
        ),
        "s",
    ),
    Chart("Celery tasks a second", (("sum by (outcome) (rate(lakehouse_celery_tasks_total[1m]))", "{{outcome}}"),)),
    Chart("Queues", (("lakehouse_celery_queue_length", "{{queue}}"),)),
    Chart(
        "Seconds a task",
        (("rate(lakehouse_celery_task_duration_seconds_total[1m])", "{{task}}"),),
        "s",
        "Running time a second of clock.",
    ),
    Chart(
        "PostgreSQL, transactions a second",
        (("sum by (datname) (rate(pg_stat_database_xact_commit[1m]))", "{{datname}}"),),
    ),
    Chart(
        "Airflow, components",
        (("lakehouse_component_up", "{{component}}"),),
        text="1 while its heartbeat is younger than half a minute.",
    ),
    Chart(
        "Airflow, age of the heartbeats",
        (("time() - lakehouse_component_heartbeat_timestamp_seconds", "{{component}}"),),
        "s",
    ),
    Chart("PostgreSQL, size", (("pg_database_size_bytes", "{{datname}}"),), "bytes"),
    Chart("Redis, memory", (("redis_memory_used_bytes", "used"),), "bytes"),
    Chart("Redis, commands a second", (("rate(redis_commands_processed_total[1m])", "commands"),)),
    Chart(
        "Kafka, requests and replicas",
        (("kafka_controller_active_brokers", "brokers"), ("kafka_replicas_partitions", "partitions")),
    ),
    Chart(
        "MinIO, requests a second",
        (("sum by (api) (rate(minio_s3_requests_total[1m]))", "{{api}}"),),
        "reqps",
        "With STORAGE=minio only.",
    ),
    Chart(
        "MinIO, bytes a second",
        (
            ("rate(minio_s3_traffic_sent_bytes[1m])", "sent"),
            ("rate(minio_s3_traffic_received_bytes[1m])", "received"),
        ),
        "Bps",
        "With STORAGE=minio only.",
    ),
    Chart("Disks", (("lakehouse_disk_free_bytes", "{{folder}}"),), "bytes"),
    Chart("Seconds a source of figures", (("lakehouse_source_duration_seconds", "{{source}}"),), "s"),
)
