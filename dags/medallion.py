"""### From bronze to published gold

Rebuilds the medallion tables from what the stream has brought into `lake.bronze.events`:

1. `silver_events` reads every record of bronze and sorts it into events, quarantine and duplicates;
   `silver_events_gate` judges both tables and publishes them.
2. `hourly_sales`, `top_products` and `user_sessions` are built from the published silver, each behind its own gate.

A build writes to the branch `audit` of its table. Its gate judges that branch with Great Expectations, writes the
result to the warehouse, and moves `main` there only if every critical expectation holds: a failed gate leaves readers
with the table they had. Every task may be run again.

The work is done by `python -m spark_jobs JOB` on the Spark Connect server; the same jobs run from the control plane.
"""

import os
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook, SubprocessResult
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

ROOT = os.environ.get("LAKEHOUSE_ROOT") or str(Path(__file__).resolve().parent.parent)
GOLD = ("hourly_sales", "top_products", "user_sessions")
GATE_FAILED = 3  # the exit code of a gate that published nothing


class JobHook(SubprocessHook):
    """Runs the command of a job, and fails the task at once when a gate published nothing.

    To validate the same rows again would only repeat the result; any other exit code is left to the task's retries.
    """

    def run_command(self, *args: Any, **kwargs: Any) -> SubprocessResult:
        """Run the command; raises AirflowFailException for the exit code of a failed gate."""
        result = super().run_command(*args, **kwargs)
        if result.exit_code == GATE_FAILED:
            raise AirflowFailException("The gate published nothing; the log names the failed expectations.")
        return result


class JobOperator(BashOperator):
    """Runs one job of `spark_jobs`."""

    @cached_property
    def subprocess_hook(self) -> JobHook:
        """The hook that runs the command."""
        return JobHook()


def job(task_id: str, name: str, summary: str) -> JobOperator:
    """A task that runs one job of `spark_jobs`; its name and run id reach the shell as variables, never as text.

    The job doesn't get Airflow's settings, which hold Airflow's own secrets.
    """
    return JobOperator(
        task_id=task_id,
        bash_command=(
            'unset "${!AIRFLOW__@}"; '
            'exec "${LAKEHOUSE_PYTHON:-.venv/bin/python}" -m spark_jobs "$JOB" --run-id="$RUN_ID"'
        ),
        env={"JOB": name, "RUN_ID": "{{ run_id }}"},
        append_env=True,
        cwd=ROOT,
        doc_md=summary,
    )


with DAG(
    dag_id="medallion",
    description="Bronze to silver to gold, each step behind a gate",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["lakehouse", "medallion"],
    default_args={
        "owner": "lakehouse",
        "retries": 2,
        "retry_delay": timedelta(seconds=15),
        "execution_timeout": timedelta(minutes=30),
    },
) as dag:
    silver = job("silver_events", "silver.events", "Sorts bronze into events, quarantine and duplicates.")
    silver_gate = job("silver_events_gate", "silver.events.gate", "Judges silver and quarantine, publishes both.")
    silver >> silver_gate
    for table in GOLD:
        build = job(table, f"gold.{table}", f"Builds lake.gold.{table} from the published silver.")
        gate = job(f"{table}_gate", f"gold.{table}.gate", f"Judges lake.gold.{table} and publishes it.")
        silver_gate >> build >> gate
