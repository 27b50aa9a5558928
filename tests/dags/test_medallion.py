"""The DAG, loaded by Airflow's own Python as the DAG processor loads it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = ROOT / ".venv-airflow" / "bin" / "python"

# Connections are refused while the file is parsed: a DAG file that asks anyone anything stalls the DAG processor.
LOAD = """
import json, socket, sys
def refuse(*arguments, **options):
    raise AssertionError("a DAG file must not use the network while it is parsed")
socket.socket.connect = socket.create_connection = refuse
sys.path.insert(0, "dags")
import medallion
dag = medallion.dag
print(json.dumps({
    "dag": [dag.dag_id, dag.schedule, dag.max_active_runs, sorted(dag.tags), bool(dag.doc_md)],
    "tasks": {
        task.task_id: {
            "after": sorted(task.upstream_task_ids),
            "job": task.env["JOB"],
            "run": task.env["RUN_ID"],
            "command": task.bash_command,
            "cwd": task.cwd,
            "retries": task.retries,
            "limited": task.execution_timeout is not None,
        }
        for task in dag.tasks
    },
}))
"""

RUN = """
import sys
sys.path.insert(0, "dags")
import medallion
from airflow.sdk.exceptions import AirflowException, AirflowFailException
task = medallion.silver_gate
task.bash_command = "exit " + sys.argv[1]
try:
    task.execute({"ti": None})
except AirflowFailException:
    print("final")
except AirflowException:
    print("may be tried again")
else:
    print("done")
"""


def airflow(code: str, *arguments: str) -> str:
    environ = {**os.environ, "AIRFLOW_HOME": "/nonexistent", "LAKEHOUSE_ROOT": str(ROOT)}
    done = subprocess.run(
        [str(AIRFLOW), "-c", code, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_the_dag_runs_silver_then_every_gold_table_each_behind_its_gate() -> None:
    loaded = json.loads(airflow(LOAD))
    assert loaded["dag"] == ["medallion", None, 1, ["lakehouse", "medallion"], True]
    assert {name: (task["job"], task["after"]) for name, task in loaded["tasks"].items()} == {
        "silver_events": ("silver.events", []),
        "silver_events_gate": ("silver.events.gate", ["silver_events"]),
        "hourly_sales": ("gold.hourly_sales", ["silver_events_gate"]),
        "hourly_sales_gate": ("gold.hourly_sales.gate", ["hourly_sales"]),
        "top_products": ("gold.top_products", ["silver_events_gate"]),
        "top_products_gate": ("gold.top_products.gate", ["top_products"]),
        "user_sessions": ("gold.user_sessions", ["silver_events_gate"]),
        "user_sessions_gate": ("gold.user_sessions.gate", ["user_sessions"]),
    }
    for task in loaded["tasks"].values():
        assert task["command"].endswith('-m spark_jobs "$JOB" --run-id="$RUN_ID"')
        assert "{{" not in task["command"], "nothing is written into the shell's text"
        assert (task["run"], task["cwd"]) == ("{{ run_id }}", str(ROOT))
        assert task["retries"] >= 1
        assert task["limited"]


def test_every_job_of_the_dag_exists() -> None:
    from spark_jobs.registry import JOBS

    assert {task["job"] for task in json.loads(airflow(LOAD))["tasks"].values()} == set(JOBS)


@pytest.mark.parametrize(("code", "outcome"), [("0", "done"), ("1", "may be tried again"), ("3", "final")])
def test_a_gates_verdict_is_final_and_other_failures_are_tried_again(code: str, outcome: str) -> None:
    assert airflow(RUN, code) == outcome
