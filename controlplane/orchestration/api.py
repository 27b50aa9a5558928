"""Runs of Airflow and Spark jobs in the REST API."""

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Query, Router, Status

from controlplane.accounts.requests import current_user
from controlplane.errors import NotFoundError
from controlplane.leases import WorkState
from controlplane.orchestration import addresses as addresses  # registers `airflow_id`
from controlplane.orchestration.lineage import dag_run_lineage, spark_job_lineage
from controlplane.orchestration.logs import task_log
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.ports import MOST_TASKS
from controlplane.orchestration.schemas import (
    DagRunDetail,
    DagRunIn,
    DagRunList,
    DagRunOut,
    LineageOut,
    LogLineOut,
    LogOut,
    SparkJobDetail,
    SparkJobIn,
    SparkJobList,
    SparkJobOut,
)
from controlplane.orchestration.selectors import ORDER, dag_run_get, dag_runs, paused_dags, spark_jobs
from controlplane.orchestration.services import dag_run_trigger, spark_job_submit
from controlplane.web.api_input import Cursor, Limit, Text
from controlplane.web.filters import ListQuery
from controlplane.web.paging import paginate
from controlplane.web.values import LONGEST_JSON

router = Router()

ID = (
    "An id is written in the path unchanged. An id that is `.` or `..`, contains a slash or a control character, or "
    "starts with `=` is written as `=` followed by its base64url without padding. `url` of a run is its page, with the "
    "id in this form."
)
Key = Annotated[UUID | None, Header(alias="Idempotency-Key")]


@router.get("/dag-runs", response=DagRunList, summary="List Airflow DAG runs, newest first")
def list_dag_runs(
    request: HttpRequest,
    asked: Query[ListQuery],
    state: WorkState | None = None,
    dag_id: Text = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DagRunList:
    wanted = asked.list_filter(current_user(request))
    rows = dag_runs(wanted, state=state or "")
    if dag_id:
        rows = rows.filter(dag_id=dag_id)
    page = paginate(rows, order=wanted.ordered(ORDER), cursor=cursor, size=limit)
    paused = paused_dags()
    return DagRunList(items=[DagRunOut.of(row, paused) for row in page.items], next=page.next)


@router.post("/dag-runs", response={202: DagRunOut}, summary="Trigger a DAG run")
def trigger(request: HttpRequest, wanted: DagRunIn, key: Key = None) -> Status[DagRunOut]:
    row = dag_run_trigger(actor=current_user(request), dag_id=wanted.dag_id, conf=wanted.conf, request_id=key)
    return Status(202, DagRunOut.of(row))


@router.get(
    "/dag-runs/{airflow_id:run_id}",
    response=DagRunDetail,
    summary="Get a DAG run with its tasks and snapshots",
    description=ID,
)
def dag_run(request: HttpRequest, run_id: Text, dag_id: Text = "") -> DagRunDetail:
    row = _dag_run(run_id, dag_id)
    shown = DagRunOut.of(row, most_tasks=MOST_TASKS, longest_conf=LONGEST_JSON)
    return DagRunDetail(**dict(shown), lineage=LineageOut.from_orm(dag_run_lineage(row)))


@router.get(
    "/dag-runs/{airflow_id:run_id}/tasks/{airflow_id:task_id}/log",
    response=LogOut,
    summary="Get the log of a task",
)
def log(request: HttpRequest, run_id: Text, task_id: Text, try_number: int = 1, dag_id: Text = "") -> LogOut:
    found = task_log(_dag_run(run_id, dag_id), task_id, try_number)
    lines = [LogLineOut(text=line.text, at=line.at, level=line.level) for line in found.lines]
    return LogOut(items=lines, omitted=found.omitted)


@router.get("/spark-jobs", response=SparkJobList, summary="List Spark jobs, newest first")
def list_spark_jobs(
    request: HttpRequest,
    asked: Query[ListQuery],
    state: WorkState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SparkJobList:
    wanted = asked.list_filter(current_user(request))
    page = paginate(spark_jobs(wanted, state=state or ""), order=wanted.ordered(ORDER), cursor=cursor, size=limit)
    return SparkJobList(items=[SparkJobOut.of(row) for row in page.items], next=page.next)


@router.post("/spark-jobs", response={202: SparkJobOut}, summary="Submit a Spark job")
def submit(request: HttpRequest, wanted: SparkJobIn, key: Key = None) -> Status[SparkJobOut]:
    return Status(202, SparkJobOut.of(spark_job_submit(actor=current_user(request), job=wanted.job, request_id=key)))


@router.get("/spark-jobs/{job_id}", response=SparkJobDetail, summary="Get a Spark job with its snapshots")
def spark_job(request: HttpRequest, job_id: UUID) -> SparkJobDetail:
    row = SparkJob.objects.filter(pk=job_id).first()
    if row is None:
        raise NotFoundError(f"Spark job {job_id} does not exist.")
    return SparkJobDetail(**dict(SparkJobOut.of(row)), lineage=LineageOut.from_orm(spark_job_lineage(row)))


def _dag_run(run_id: Text, dag_id: str) -> DagRun:
    row = dag_run_get(run_id, dag_id)
    if row is None:
        raise NotFoundError(f"DAG run {run_id} does not exist.", "GET /dag-runs lists all runs.")
    return row
