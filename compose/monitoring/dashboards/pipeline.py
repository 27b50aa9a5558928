"""Pipeline at a glance: from the generator to gold, and whether it can be trusted."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-pipeline", "Pipeline at a glance"
TEXT = "From the generator to gold, and whether it can be trusted."

PANELS: tuple[Panel, ...] = (
    Figure("Stream", 'lakehouse_stream_state{state="running"}', "bool_yes_no", "Whether the stream runs."),
    Figure("Records behind", "sum(lakehouse_stream_lag_records)", text="On the topic and not in bronze."),
    Figure(
        "Newest event",
        "time() - lakehouse_stream_newest_event_timestamp_seconds",
        "s",
        "Age of what came last, by Kafka.",
    ),
    Figure("Ledger balances", 'lakehouse_ledger_verdict{verdict="balanced"}', "bool_yes_no"),
    Figure("Tables that passed", "sum(lakehouse_validation_last_success)", text="By their newest validation."),
    Figure("Parts up", "sum(lakehouse_part_up)", text="Of all parts that the Overview shows."),
    Chart(
        "Records per second",
        (
            ("rate(lakehouse_generator_records_acknowledged_total[1m])", "generator"),
            ("sum(deriv(lakehouse_topic_end_offset[1m]))", "Kafka"),
            ("lakehouse_stream_records_per_second", "bronze"),
        ),
        "short",
    ),
    Chart("Rows by table", (("lakehouse_table_records", "{{table}}"),)),
    Chart(
        "Share in quarantine",
        (
            (
                'lakehouse_table_records{table="silver.quarantine"} / on() '
                'sum(lakehouse_table_records{table=~"silver.events|silver.quarantine"})',
                "quarantine",
            ),
        ),
        "percentunit",
    ),
    Chart("Age of each table", (("time() - lakehouse_table_snapshot_timestamp_seconds", "{{table}}"),), "s"),
    Chart(
        "Ledger residual",
        (("lakehouse_ledger_residual_records", "{{kind}}"), ("lakehouse_ledger_residual_revenue", "revenue")),
        text="Zero everywhere, or something is lost.",
    ),
    Chart("Parts that do not answer", (("1 - lakehouse_part_up", "{{part}}"),)),
)
