"""Airflow in its own Python environment: api-server, scheduler and dag-processor, each supervised by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from compose.local import health
from compose.local.credentials import database_url, write_private
from compose.local.errors import InstallationError
from compose.local.parts import Part, postgres
from compose.local.settings import Settings
from spark_jobs import object_store

SCHEDULER = "airflow-scheduler"
# What `spark_jobs` reads.
TASKS_READ = (
    *("LAKEHOUSE_DATA", "OPERATED_WITH", "SPARK_REMOTE", "SPARK_CONNECT_TOKEN", "WAREHOUSE", "CHECKPOINTS"),
    *object_store.VARIABLES,
)
PROGRAMS = {
    "airflow-api-server": ("Airflow API server", ("api-server",), "metadatabase"),
    # Task logs are read from the folder that both share; the log server would listen on every interface.
    SCHEDULER: ("Airflow scheduler", ("scheduler", "--skip-serve-logs"), "scheduler"),
    "airflow-dag-processor": ("Airflow DAG processor", ("dag-processor",), "dag_processor"),
}


def parts(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> list[Part]:
    """The three programs. Tasks run in the scheduler, which gets the variables that our entry points read."""
    port = settings.port("AIRFLOW_PORT")
    url = variables["AIRFLOW_URL"]
    tasks = {name: variables[name] for name in TASKS_READ if name in variables}
    return [
        Part(
            name=name,
            title=title,
            command=(str(settings.airflow), "-m", "airflow", *arguments),
            directory=_folder(settings),
            environment={**environment(settings, variables, drawn), **(tasks if name == SCHEDULER else {})},
            healthy=_healthy(url, component),
            address=variables["AIRFLOW_PUBLIC_URL"] if name == "airflow-api-server" else "",
            ports={"AIRFLOW_PORT": port} if name == "airflow-api-server" else {},
            reads=(
                settings.root / "locks" / "airflow.txt",
                settings.root / "compose" / "local" / "airflow_executor.py",
                settings.root / "compose" / "local" / "airflow_plugins",
                settings.root / "compose" / "local" / "page_host.py",
                settings.root / "compose" / "local" / "sign_in_limit.py",
                _folder(settings) / "passwords.json",
            ),
            stop_seconds=20,
        )
        for name, (title, arguments, component) in PROGRAMS.items()
    ]


def environment(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> dict[str, str]:
    """Airflow's own settings."""
    port = settings.port("AIRFLOW_PORT")
    database = database_url(settings, drawn, "airflow").replace("://", "+psycopg2://", 1)
    options = {
        "CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(settings.root / "compose" / "local" / "airflow_plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "compose.local.airflow_executor.SupervisedLocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__FERNET_KEY": drawn["airflow_fernet"],
        "CORE__EXECUTION_API_SERVER_URL": f"{variables['AIRFLOW_URL']}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "svc:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_folder(settings) / "passwords.json"),
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
        "API__HOST": settings.listen,
        "API__PORT": str(port),
        "API__BASE_URL": variables["AIRFLOW_PUBLIC_URL"],
        "API__WORKERS": "1",
        "API__SECRET_KEY": drawn["airflow_api"],
        "API_AUTH__JWT_SECRET": drawn["airflow_jwt"],
        # Between tasks a run waits for the next look: at the default of 1 s, most of a short run. Each look costs
        # CPU here and in PostgreSQL for as long as the installation stands idle, so not more often than this.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # What a killed scheduler or worker had in hand is taken up again within a minute, not five.
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "LOGGING__BASE_LOG_FOLDER": str(_folder(settings) / "logs"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(_folder(settings) / "logs" / "dag_processor"),
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        **{f"AIRFLOW__{name}": value for name, value in options.items()},
        "AIRFLOW_HOME": str(_folder(settings)),
        "PYTHONPATH": str(settings.root),
        "LAKEHOUSE_PYTHON": str(settings.python),
        "LAKEHOUSE_ROOT": str(settings.root),
    }


def prepare(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Write the passwords file of the SimpleAuthManager: one service account."""
    _folder(settings).mkdir(mode=0o700, exist_ok=True)
    write_private(_folder(settings) / "passwords.json", json.dumps({"svc": drawn["airflow"]}) + "\n")


def migrate(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> None:
    """Bring Airflow's database to the installed version; left out when that was done before (it takes 10 s to ask)."""
    stamp = _folder(settings) / "migrated"
    wanted = (settings.root / "locks" / "airflow.txt").read_text()
    if stamp.exists() and stamp.read_text() == wanted and postgres.has_table(settings, drawn, "airflow", "dag_run"):
        return
    log = settings.logs / "airflow-migrate.log"
    with log.open("w") as output:
        done = subprocess.run(
            [str(settings.airflow), "-m", "airflow", "db", "migrate"],
            env=environment(settings, variables, drawn) | {"PATH": f"{settings.airflow.parent}:/usr/bin:/bin"},
            cwd=_folder(settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise InstallationError("The migrations of Airflow's database failed.", f"See {log}.")
    stamp.write_text(wanted)


def _healthy(url: str, component: str) -> Callable[[float], str]:
    return lambda started: health.airflow(url, component, started)


def _folder(settings: Settings) -> Path:
    return settings.data / "airflow"
