"""Request and response schemas of orchestration's operations."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from controlplane.orchestration.logs import LINE_CHARACTERS, LOG_CHARACTERS, LOG_LINES
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.ports import MOST_TASKS
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.selectors import airflow_address, paused_dags, tasks_of
from controlplane.web.api_input import Body
from controlplane.web.values import LONGEST_JSON, compact

# The limits of a run in a list.
LISTED_TASKS = 20
LISTED_CONF = 2_000


class ReadFromOut(Schema):
    table: str
    snapshot_id: str | None = Field(description="Null if the table was empty, or if the snapshot is unknown.")
    empty: bool
    url: str


class WrittenOut(Schema):
    """A snapshot written by a run. Null fields are unknown: the snapshot has expired or the catalog is unreachable."""

    table: str
    snapshot_id: str
    at: datetime | None
    job: str
    published: bool | None
    read: ReadFromOut | None
    url: str


class LineageOut(Schema):
    """The outputs of a run and their inputs."""

    written: list[WrittenOut]
    problems: list[str] = Field(description="Why tables could not be read. In this case there may be more snapshots.")


class DagRunIn(Body):
    dag_id: str = Field(
        default="medallion",
        json_schema_extra={"minLength": 1, "maxLength": 250, "pattern": r"^(?!\.+$)[A-Za-z0-9_.-]+$"},
    )
    conf: dict[str, Any] = {}


class TaskOut(Schema):
    task_id: str
    state: str = Field(description="Airflow's task state; empty while the task is not scheduled.")
    try_number: int
    operator: str
    started_at: datetime | None
    ended_at: datetime | None


class DagRunOut(Schema):
    dag_id: str
    run_id: str
    state: str = Field(description="waiting, running, succeeded or failed.")
    kind: str
    conf: dict[str, Any] = Field(
        description=f"Empty if its JSON has more than {LONGEST_JSON:,} characters; in a list, {LISTED_CONF:,}."
    )
    conf_beginning: str | None = Field(
        description=f"The first {LISTED_CONF:,} characters of the JSON of `conf` if it is too long; otherwise null."
    )
    requested_by: str
    requested_at: datetime
    sent_at: datetime | None = Field(description="When the run was sent to Airflow. Null if it is not sent yet.")
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    message: str
    seen_at: datetime | None = Field(description="When the run was last read from Airflow.")
    gone_at: datetime | None = Field(description="When the run was found to be deleted in Airflow.")
    dag_paused: bool = Field(description="Whether the DAG is paused in Airflow. Runs of a paused DAG wait.")
    url: str = Field(description="The page of the run.")
    airflow_url: str
    tasks: list[TaskOut] = Field(description=f"The first {MOST_TASKS} tasks; in a list, the first {LISTED_TASKS}.")
    tasks_in_all: int = Field(description=f"Number of tasks that were read from Airflow, at most {MOST_TASKS}.")

    @classmethod
    def of(
        cls,
        row: DagRun,
        paused: frozenset[str] | None = None,
        *,
        most_tasks: int = LISTED_TASKS,
        longest_conf: int = LISTED_CONF,
    ) -> "DagRunOut":
        own = {"tasks", "tasks_in_all", "airflow_url", "url", "dag_paused", "conf", "conf_beginning", "ended_at"}
        names = set(DagRunOut.model_fields) - own
        tasks = tasks_of(row)
        conf = row.conf if isinstance(row.conf, dict) else {"conf": row.conf}
        text = compact(conf, longest_conf)
        is_long = len(text) > longest_conf
        return cls(
            tasks=[TaskOut(**asdict(task)) for task in tasks[:most_tasks]],
            tasks_in_all=len(tasks),
            airflow_url=airflow_address(row),
            url=row.get_absolute_url(),
            dag_paused=row.dag_id in (paused_dags() if paused is None else paused),
            conf={} if is_long else conf,
            conf_beginning=text[:LISTED_CONF] if is_long else None,
            ended_at=row.finished_at,
            **{name: getattr(row, name) for name in names},
        )


class DagRunDetail(DagRunOut):
    """A DAG run with its inputs and outputs."""

    lineage: LineageOut


class DagRunList(Schema):
    items: list[DagRunOut]
    next: str | None


class LogLineOut(Schema):
    text: str
    at: datetime | None
    level: str


class LogOut(Schema):
    items: list[LogLineOut] = Field(
        description=f"The last lines: at most {LOG_LINES:,}, and {LOG_CHARACTERS:,} characters in all. A line has its "
        f"first {LINE_CHARACTERS:,} characters."
    )
    omitted: int = Field(description="Number of earlier lines. Airflow has them.")
    next: str | None = None


def _one_of_jobs(schema: dict[str, Any]) -> None:
    schema["enum"] = list(job_runner().jobs())


class SparkJobIn(Body):
    job: str = Field(json_schema_extra=_one_of_jobs)


class SparkJobOut(Schema):
    id: UUID
    job: str
    state: str = Field(description="waiting, running, succeeded or failed.")
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None
    attempts: int
    seconds: float | None
    report: dict[str, Any] = Field(
        description=f"rows, snapshots by table, and message. Of a report with more than {LISTED_CONF:,} characters of "
        "JSON, `beginning` has the first ones."
    )
    error: str

    @classmethod
    def of(cls, row: SparkJob) -> "SparkJobOut":
        report = row.report if isinstance(row.report, dict) else {"report": row.report}
        text = compact(report, LISTED_CONF)
        if len(text) > LISTED_CONF:
            report = {"beginning": text[:LISTED_CONF]}
        names = set(SparkJobOut.model_fields) - {"report", "ended_at"}
        return cls(report=report, ended_at=row.finished_at, **{name: getattr(row, name) for name in names})


class SparkJobDetail(SparkJobOut):
    """A Spark job with its inputs and outputs."""

    lineage: LineageOut


class SparkJobList(Schema):
    items: list[SparkJobOut]
    next: str | None
