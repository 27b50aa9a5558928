"""Pipeline at a glance: from the generator to gold, with the ledger."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-pipeline", "Pipeline at a glance"
TEXT = "From the generator to gold, with validations and the ledger."

PANELS: tuple[Panel, ...] = (
    Figure("Stream running", 'lakehouse_stream_state{state="running"}', "bool_yes_no"),
    Figure(
        "Consumer lag", "sum(lakehouse_stream_lag_records)", text="Records in the topic that are not in bronze yet."
    ),
    Figure(
        "Newest event",
        "time() - lakehouse_stream_newest_event_timestamp_seconds",
        "s",
        "Age of the newest event, by its Kafka timestamp.",
    ),
    Figure("Ledger balanced", 'lakehouse_ledger_verdict{verdict="balanced"}', "bool_yes_no"),
    Figure(
        "Tables passed",
        "sum(lakehouse_validation_last_success)",
        text="According to the newest validation of each table.",
    ),
    Figure("Services up", "sum(lakehouse_part_up)", text="Of all services on the Overview page."),
    Chart(
        "Records per second",
        (
            ("rate(lakehouse_generator_records_acknowledged_total[1m])", "generator"),
            ("sum(deriv(lakehouse_topic_end_offset[1m]))", "Kafka"),
            ("lakehouse_stream_records_per_second", "bronze"),
        ),
        "short",
    ),
    Chart("Rows per table", (("lakehouse_table_records", "{{table}}"),)),
    Chart(
        "Quarantine share",
        (
            (
                'lakehouse_table_records{table="silver.quarantine"} / on() '
                'sum(lakehouse_table_records{table=~"silver.events|silver.quarantine"})',
                "quarantine",
            ),
        ),
        "percentunit",
    ),
    Chart("Table age", (("time() - lakehouse_table_snapshot_timestamp_seconds", "{{table}}"),), "s"),
    Chart(
        "Ledger residual",
        (("lakehouse_ledger_residual_records", "{{kind}}"), ("lakehouse_ledger_residual_revenue", "revenue")),
        text="Should be 0 everywhere.",
    ),
    Chart("Unreachable services", (("1 - lakehouse_part_up", "{{part}}"),)),
)
