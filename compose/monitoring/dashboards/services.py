"""Services: web, Celery, PostgreSQL, Redis, Kafka, MinIO, disks and monitoring."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-services", "Services"
TEXT = "Web, Celery, Airflow, PostgreSQL, Redis, Kafka, MinIO, disks and monitoring."

PANELS: tuple[Panel, ...] = (
    Figure("Services up", "sum(lakehouse_part_up)"),
    Figure("Targets up", "sum(up)", text="Of all scrape targets of Prometheus."),
    Figure("Workers up", "sum(lakehouse_celery_worker_up)"),
    Figure("Messages waiting", "sum(lakehouse_celery_queue_length)"),
    Figure("Free disk space", "min(lakehouse_disk_free_bytes / lakehouse_disk_size_bytes)", "percentunit"),
    Figure("Database connections", "sum(pg_stat_activity_count)"),
    Chart(
        "Requests per second", (("sum by (status) (rate(lakehouse_http_requests_total[1m]))", "{{status}}"),), "reqps"
    ),
    Chart(
        "Response time",
        (
            (
                "histogram_quantile(0.5, sum by (le) (rate(lakehouse_http_request_duration_seconds_bucket[5m])))",
                "median",
            ),
            (
                "histogram_quantile(0.95, sum by (le) (rate(lakehouse_http_request_duration_seconds_bucket[5m])))",
                "95th percentile",
            ),
        ),
        "s",
    ),
    Chart("Celery tasks per second", (("sum by (outcome) (rate(lakehouse_celery_tasks_total[1m]))", "{{outcome}}"),)),
    Chart("Queue lengths", (("lakehouse_celery_queue_length", "{{queue}}"),)),
    Chart(
        "Task time",
        (("rate(lakehouse_celery_task_duration_seconds_total[1m])", "{{task}}"),),
        "s",
        "Running time per second.",
    ),
    Chart(
        "PostgreSQL transactions per second",
        (("sum by (datname) (rate(pg_stat_database_xact_commit[1m]))", "{{datname}}"),),
    ),
    Chart(
        "Airflow components",
        (("lakehouse_component_up", "{{component}}"),),
        text="1 if the heartbeat is less than 30 s old.",
    ),
    Chart(
        "Airflow heartbeat age",
        (("time() - lakehouse_component_heartbeat_timestamp_seconds", "{{component}}"),),
        "s",
    ),
    Chart("PostgreSQL database size", (("pg_database_size_bytes", "{{datname}}"),), "bytes"),
    Chart("Redis memory", (("redis_memory_used_bytes", "used"),), "bytes"),
    Chart("Redis commands per second", (("rate(redis_commands_processed_total[1m])", "commands"),)),
    Chart(
        "Kafka brokers and partitions",
        (("kafka_controller_active_brokers", "brokers"), ("kafka_replicas_partitions", "partitions")),
    ),
    Chart(
        "MinIO requests per second",
        (("sum by (api) (rate(minio_s3_requests_total[1m]))", "{{api}}"),),
        "reqps",
        "Only with STORAGE=minio.",
    ),
    Chart(
        "MinIO bytes per second",
        (
            ("rate(minio_s3_traffic_sent_bytes[1m])", "sent"),
            ("rate(minio_s3_traffic_received_bytes[1m])", "received"),
        ),
        "Bps",
        "Only with STORAGE=minio.",
    ),
    Chart("Free disk space by folder", (("lakehouse_disk_free_bytes", "{{folder}}"),), "bytes"),
    Chart("Metric source duration", (("lakehouse_source_duration_seconds", "{{source}}"),), "s"),
)
