"""Jobs and quality: the medallion pipeline, its gates, the ledger."""

from compose.monitoring.dashboards.panels import Chart, Figure, Panel

UID, TITLE = "lakehouse-quality", "Jobs and quality"
TEXT = "The medallion pipeline, its gates, and the ledger."

PANELS: tuple[Panel, ...] = (
    Figure("Last run succeeded", "lakehouse_dag_run_last_success", "bool_yes_no"),
    Figure("Last run took", "lakehouse_dag_run_last_duration_seconds", "s"),
    Figure("Runs under way", "sum(lakehouse_dag_runs_under_way)"),
    Figure("Tables that passed", "sum(lakehouse_validation_last_success)"),
    Figure("Ledger lines that are off", 'lakehouse_ledger_lines{state="off"}'),
    Figure("Statement's age", "time() - lakehouse_ledger_taken_timestamp_seconds", "s"),
    Chart("DAG runs that ended", (("lakehouse_dag_runs_ended_total", "{{dag}} {{state}}"),)),
    Chart("Seconds by task of the last run", (("lakehouse_dag_task_last_duration_seconds", "{{task}}"),), "s"),
    Chart("Verdicts", (("lakehouse_validations_total", "{{table}} {{verdict}}"),)),
    Chart("Newest verdict", (("lakehouse_validation_last_success", "{{table}}"),)),
    Chart("Expectations that did not hold", (("lakehouse_validation_last_expectations_failed", "{{table}}"),)),
    Chart("Seconds a validation", (("lakehouse_validation_last_duration_seconds", "{{table}}"),), "s"),
    Chart("Ledger lines", (("lakehouse_ledger_lines", "{{state}}"),)),
    Chart("Snapshots kept", (("lakehouse_table_snapshots", "{{table}}"),)),
)
