"""Orchestration's periodic tasks, and the one that runs a Spark job."""

import uuid

from celery import shared_task

from controlplane.locks import exclusively
from controlplane.orchestration.jobs import job_run, jobs_due
from controlplane.orchestration.providers import job_runner, workflow_engine
from controlplane.orchestration.syncing import due, sync


@shared_task
def sync_dag_runs() -> None:
    """Send waiting runs to Airflow and update the others."""
    if not due():
        return
    with exclusively("orchestration.sync") as mine:
        if mine:
            sync(workflow_engine())


@shared_task
def dispatch_spark_jobs() -> None:
    """Assign waiting jobs, and those whose worker died."""
    with exclusively("orchestration.dispatch") as mine:
        if not mine:
            return
        for job in jobs_due():
            run_spark_job.delay(str(job.pk), str(job.holder))


@shared_task
def run_spark_job(job_id: str, holder: str) -> None:
    """Run one claimed Spark job to its end."""
    job_run(job_id=uuid.UUID(job_id), holder=uuid.UUID(holder), runner=job_runner())
