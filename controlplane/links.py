"""Who made a snapshot or a validation, as a name with the page that tells about it."""

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

STREAM_JOB = "bronze.events"


@dataclass(frozen=True)
class Producer:
    """`kind` is the stream, a DAG run, a Spark job or something else, which has no `url`."""

    kind: str
    label: str
    url: str


def producer(job: str, run_id: str) -> Producer:
    """What stands behind the stamps `lakehouse.job` and `lakehouse.run-id`.

    Airflow's run ids have two underscores after how the run was triggered; those of Spark jobs are UUIDs.
    """
    if job == STREAM_JOB:
        return Producer("stream", "Stream", "/stream/")
    if "__" in run_id:
        return Producer("dag run", run_id, reverse("orchestration:dag-run", args=[run_id]))
    try:
        return Producer("spark job", run_id, f"/runs/jobs/{UUID(run_id)}/")
    except ValueError:
        return Producer("other", run_id, "")
