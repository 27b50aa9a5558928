"""The stream: Kafka to bronze."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-stream", "Stream"
TEXT = "Kafka to bronze: rate, lag, batches."

PANELS: tuple[Panel, ...] = (
    Figure("Running", 'lakehouse_stream_state{state="running"}', "bool_yes_no"),
    Figure("Should run", "lakehouse_stream_wanted", "bool_yes_no", "Whether a user started the stream."),
    Figure("Consecutive failures", "lakehouse_stream_failures"),
    Figure("Consumer lag", "sum(lakehouse_stream_lag_records)"),
    Figure("Last batch", "lakehouse_stream_batch_duration_seconds", "s"),
    Figure(
        "Last report",
        "time() - lakehouse_stream_last_report_timestamp_seconds",
        "s",
        "Time since the last progress report.",
    ),
    Chart("Consumer lag by partition", (("lakehouse_stream_lag_records", "partition {{partition}}"),)),
    Chart(
        "Records per second",
        (
            ("sum(deriv(lakehouse_topic_end_offset[1m]))", "to the topic"),
            ("lakehouse_stream_records_per_second", "to bronze"),
        ),
    ),
    Chart("Batch duration by phase", (("lakehouse_stream_batch_phase_seconds", "{{phase}}"),), "s"),
    Chart("Records of the last batch", (("lakehouse_stream_batch_records", "records"),)),
    Chart(
        "Kafka bytes per second",
        (("rate(kafka_broker_bytes_in_total[1m])", "in"), ("rate(kafka_broker_bytes_out_total[1m])", "out")),
        "Bps",
    ),
    Chart("Kafka request time", (("kafka_request_seconds", "{{request}} {{quantile}}"),), "s"),
    Chart("Topic size", (("kafka_log_size_bytes", "partition {{partition}}"),), "bytes"),
    Chart(
        "Generator",
        (
            ("lakehouse_generator_records_per_second", "sent"),
            ("lakehouse_generator_target_records_per_second", "target"),
        ),
    ),
)
