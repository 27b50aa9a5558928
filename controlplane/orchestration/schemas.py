"""What orchestration's operations take and give."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.providers import job_runner
from controlplane.orchestration.selectors import airflow_address, paused_dags, tasks_of
from controlplane.web.api_input import Body


class ReadFromOut(Schema):
    table: str
    snapshot_id: str | None = Field(description="Null where the table was empty, or where nobody said.")
    empty: bool
    url: str


class WrittenOut(Schema):
    """A snapshot of a run; what is null is unknown, because it has expired or the lake doesn't answer."""

    table: str
    snapshot_id: str
    at: datetime | None
    job: str
    published: bool | None
    read: ReadFromOut | None
    url: str


class LineageOut(Schema):
    """What a run wrote, and what that was made from."""

    written: list[WrittenOut]
    problems: list[str] = Field(description="Why tables could not be asked; there may be more snapshots then.")


class DagRunIn(Body):
    dag_id: str = Field(
        default="medallion",
        json_schema_extra={"minLength": 1, "maxLength": 250, "pattern": r"^(?!\.+$)[A-Za-z0-9_.-]+$"},
    )
    conf: dict[str, Any] = {}


class TaskOut(Schema):
    task_id: str
    state: str = Field(description="Airflow's word; empty while the task is not planned.")
    try_number: int
    operator: str
    started_at: datetime | None
    ended_at: datetime | None


class DagRunOut(Schema):
    dag_id: str
    run_id: str
    state: str = Field(description="waiting, running, succeeded or failed")
    kind: str
    conf: dict[str, Any]
    requested_by: str
    requested_at: datetime
    sent_at: datetime | None = Field(description="When Airflow had it; null: it waits to be sent.")
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    message: str
    seen_at: datetime | None = Field(description="When Airflow last said how the run is.")
    gone_at: datetime | None = Field(description="When the run was found to be deleted in Airflow.")
    dag_paused: bool = Field(description="Whether its DAG is paused in Airflow, where its runs wait then.")
    url: str = Field(description="Its page here.")
    airflow_url: str
    tasks: list[TaskOut]

    @classmethod
    def of(cls, row: DagRun, paused: frozenset[str] | None = None) -> "DagRunOut":
        own = {"tasks", "airflow_url", "url", "dag_paused", "conf"}
        names = set(DagRunOut.model_fields) - own
        return cls(
            tasks=[TaskOut(**asdict(task)) for task in tasks_of(row)],
            airflow_url=airflow_address(row),
            url=row.get_absolute_url(),
            dag_paused=row.dag_id in (paused_dags() if paused is None else paused),
            conf=row.conf if isinstance(row.conf, dict) else {"conf": row.conf},
            **{name: getattr(row, name) for name in names},
        )


class DagRunDetail(DagRunOut):
    """With what it read and wrote."""

    lineage: LineageOut


class DagRunList(Schema):
    items: list[DagRunOut]
    next: str | None


class LogLineOut(Schema):
    text: str
    at: datetime | None
    level: str


class LogOut(Schema):
    items: list[LogLineOut]
    next: str | None = None


def _one_of_jobs(schema: dict[str, Any]) -> None:
    schema["enum"] = list(job_runner().jobs())


class SparkJobIn(Body):
    job: str = Field(json_schema_extra=_one_of_jobs)


class SparkJobOut(Schema):
    id: UUID
    job: str
    state: str = Field(description="waiting, running, succeeded or failed")
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None
    attempts: int
    seconds: float | None
    report: dict[str, Any] = Field(description="rows, snapshots by table, message")
    error: str

    @classmethod
    def of(cls, row: SparkJob) -> "SparkJobOut":
        report = row.report if isinstance(row.report, dict) else {"report": row.report}
        return cls(report=report, **{name: getattr(row, name) for name in SparkJobOut.model_fields if name != "report"})


class SparkJobDetail(SparkJobOut):
    """With what it read and wrote."""

    lineage: LineageOut


class SparkJobList(Schema):
    items: list[SparkJobOut]
    next: str | None
