"""Links to the producers of snapshots, and paths of the programs behind the gateway."""

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from bi.serving import BASE_PATH
from spark_jobs.pipeline import STREAM_JOB

BI_PREFIX = f"/{BASE_PATH}/"
SPARK_PREFIX = "/spark/"
PROMETHEUS_PREFIX = "/prometheus/"


@dataclass(frozen=True)
class Producer:
    """The producer of a snapshot: the stream, a DAG run, a Spark job, or another one without a `url`."""

    kind: str
    label: str
    url: str


def producer(job: str, run_id: str) -> Producer:
    """The producer for the snapshot properties `lakehouse.job` and `lakehouse.run-id`.

    Airflow's run ids have two underscores after the run type; those of Spark jobs are UUIDs.
    """
    if job == STREAM_JOB:
        return Producer("stream", "Stream", "/stream/")
    if "__" in run_id:
        return Producer("dag run", run_id, reverse("orchestration:dag-run", args=[run_id]))
    try:
        return Producer("spark job", run_id, f"/runs/jobs/{UUID(run_id)}/")
    except ValueError:
        return Producer("other", run_id, "")
