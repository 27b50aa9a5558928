"""Adapters of the orchestration room: the workflow engine and the runner of Spark jobs."""

from django.conf import settings

from controlplane.orchestration.ports import JobRunner, WorkflowEngine
from controlplane.provider import Provider


@Provider
def workflow_engine() -> WorkflowEngine:
    """The engine that runs the DAGs."""
    from controlplane.orchestration.adapters.airflow import AirflowWorkflowEngine

    return AirflowWorkflowEngine(settings.AIRFLOW_URL, settings.AIRFLOW_USERNAME, settings.AIRFLOW_PASSWORD)


@Provider
def job_runner() -> JobRunner:
    """The runner of Spark jobs."""
    from controlplane.orchestration.adapters.spark import SparkJobRunner

    return SparkJobRunner(settings.SPARK_REMOTE_WITH_TOKEN)
