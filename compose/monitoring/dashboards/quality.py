"""Jobs and quality: the medallion pipeline, its quality gates, the ledger."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-quality", "Jobs and quality"
TEXT = "The medallion pipeline, its quality gates and the ledger."

PANELS: tuple[Panel, ...] = (
    Figure("Last run succeeded", "lakehouse_dag_run_last_success", "bool_yes_no"),
    Figure("Duration of the last run", "lakehouse_dag_run_last_duration_seconds", "s"),
    Figure("Runs in progress", "sum(lakehouse_dag_runs_under_way)"),
    Figure("Tables passed", "sum(lakehouse_validation_last_success)"),
    Figure("Ledger mismatches", 'lakehouse_ledger_lines{state="off"}'),
    Figure("Age of the ledger", "time() - lakehouse_ledger_taken_timestamp_seconds", "s"),
    Chart("Finished DAG runs", (("lakehouse_dag_runs_ended_total", "{{dag}} {{state}}"),)),
    Chart("Task durations of the last run", (("lakehouse_dag_task_last_duration_seconds", "{{task}}"),), "s"),
    Chart("Validations by result", (("lakehouse_validations_total", "{{table}} {{verdict}}"),)),
    Chart("Newest result", (("lakehouse_validation_last_success", "{{table}}"),)),
    Chart("Failed expectations", (("lakehouse_validation_last_expectations_failed", "{{table}}"),)),
    Chart("Validation duration", (("lakehouse_validation_last_duration_seconds", "{{table}}"),), "s"),
    Chart("Ledger checks", (("lakehouse_ledger_lines", "{{state}}"),)),
    Chart("Snapshots kept", (("lakehouse_table_snapshots", "{{table}}"),)),
)
